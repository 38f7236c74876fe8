"""The proof of an environment as a program of its own, for outputs that run without envkit."""

from importlib.resources import files

import msgspec

from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan
from envkit.model.reserved import CPU

FILE = "smoke.py"
_SLOT = 'EXPECTED = "{}"\n'


def smoke_file(plan: Plan, directory: str = "") -> GeneratedFile:
    """Return the program `smoke.py`, which computes on each device and compares the packages with the lock."""
    expected = {
        "tests": [
            {
                "recipe": test.recipe,
                "device": test.device,
                "indices": test.indices,
                "numbered": plan.vendor != CPU,
                "program": test.program,
            }
            for test in plan.smoke
        ],
        "packages": {package.name: package.version for package in plan.lock.packages},
        "brought": plan.brought,
    }
    source = files("envkit.generate").joinpath("programs", "smoke_test.py").read_text(encoding="utf-8")
    # As a literal of ASCII: whatever the text is, it stays a text.
    text = source.replace(_SLOT, f"EXPECTED = {msgspec.json.encode(expected).decode()!a}\n", 1)
    return GeneratedFile(path=f"{directory}/{FILE}" if directory else FILE, text=text)
