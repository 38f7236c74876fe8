"""The lock as a PEP 751 document, https://packaging.python.org/en/latest/specifications/pylock-toml/."""

import re

from envkit.model.address import display_url
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan
from envkit.model.text import check_text

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


def pylock_file(plan: Plan) -> GeneratedFile:
    """Return `pylock.PROFILE.toml`, or `pylock.toml` where there is no profile; raises `UnsafeTextError`.

    It is the document of the plan's lock, without names and passwords in addresses.
    """
    profile = _NOT_IN_NAMES.sub("-", plan.profile or "").strip("-")
    text = check_text(display_url(plan.lock.pylock), "a lock", multiline=True)
    return GeneratedFile(path=f"pylock.{profile}.toml" if profile else "pylock.toml", text=text)
