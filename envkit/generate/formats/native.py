"""An environment without a container: a script for any POSIX shell that installs the lock and proves it."""

import shlex

from envkit.generate.expected import oldest_glibc, package_names, require_whole_lock
from envkit.generate.pylock import pylock_file
from envkit.generate.quoting import public_url
from envkit.generate.requirements import requirement_lines
from envkit.generate.smoke import smoke_file
from envkit.generate.templates import render
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.model.text import check_text

MODE = Mode.NATIVE


def generate_files(plan: Plan) -> tuple[GeneratedFile, ...]:
    """Return `install.sh` with its lock and proof; raises `UnsatisfiableError`, `DataError` and `UnsafeTextError`."""
    require_whole_lock(plan)
    script = render(
        "native.j2",
        {
            "python": _word(plan.python),
            "program": _word(f"python{plan.python}"),
            "architecture": _word(plan.lock.platform.partition("-")[0]),
            "glibc": _word(oldest_glibc(plan.lock) or ""),
            "indexes": [shlex.quote(public_url(index.url)) for index in plan.indexes],
            "system_packages": package_names(plan),
        },
    )
    return (
        GeneratedFile(path="install.sh", text=script, executable=True),
        GeneratedFile(path="requirements.lock", text=requirement_lines(plan.lock.packages)),
        pylock_file(plan),
        smoke_file(plan),
    )


def _word(text: str) -> str:
    return shlex.quote(check_text(text, "a value for install.sh"))
