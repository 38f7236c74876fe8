"""A lock for installers that read PEP 751: `pylock.PROFILE.toml`."""

from envkit.generate.expected import require_whole_lock
from envkit.generate.pylock import pylock_file
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan

MODE = None


def generate_files(plan: Plan) -> tuple[GeneratedFile, ...]:
    """Return the lock of one environment; raises `UnsatisfiableError`, `DataError` and `UnsafeTextError`."""
    require_whole_lock(plan)
    return (pylock_file(plan),)
