"""Python interpreters that frameworks have wheels for."""

from envkit.data import load_foundations
from envkit.diagnose.examination import Answer, Examination, unknown


def check_interpreters(examination: Examination) -> Answer:
    """Look for a Python that recipes take; uv fetches one where there is none."""
    pythons = examination.facts.pythons
    if pythons is None:
        return unknown("not known", "facts.pythons")
    wanted = load_foundations().python_preference
    fitting = [python for python in pythons if _minor(python.version) in wanted]
    if fitting:
        return Answer(", ".join(python.version for python in fitting), "facts.pythons")
    found = ", ".join(f"{python.version} ({python.path})" for python in pythons) or "none"
    evidence = f"found {found}; frameworks have wheels for {' '.join(wanted)}"
    return Answer(found, "facts.pythons", examination.finding("python-missing", "pythons", evidence))


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


CHECKS = (check_interpreters,)
