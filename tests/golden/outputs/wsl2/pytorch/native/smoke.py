# noqa: INP001 - a program for the inside of environments, which envkit itself must not be able to import
"""Proves an environment: computes on each of its devices, and compares what is installed with the lock.

Called as: smoke.py, by the Python of the environment, 3.8 or later. What is tested stands in EXPECTED.
Exit status: 0 when everything is as it should be, 1 otherwise.
"""

from __future__ import annotations

import json
import re
import sys
import traceback
from importlib.metadata import distributions
from typing import Any

EXPECTED = '{"tests":[{"recipe":"pytorch","device":"cuda","indices":[0],"numbered":true,"program":"import importlib\\nimport platform\\n\\nimport torch\\n\\n# What makes the framework know the devices, where it does not know them by itself.\\nPLUGINS = {\\"npu\\": \\"torch_npu\\", \\"xla\\": \\"torch_xla\\", \\"hpu\\": \\"habana_frameworks.torch.core\\", \\"mlu\\": \\"torch_mlu\\", \\"gcu\\": \\"torch_gcu\\", \\"musa\\": \\"torch_musa\\"}\\n\\n\\ndef device_name(place: torch.device) -> str:\\n    if place.type in (\\"cpu\\", \\"mps\\"):\\n        return platform.processor() or platform.machine()\\n    backend = getattr(torch, place.type, None)\\n    if not hasattr(backend, \\"get_device_name\\"):\\n        return str(place)\\n    return backend.get_device_name(place)\\n\\n\\ndef smoke(device: str, index: int) -> dict:\\n    if device in PLUGINS:\\n        importlib.import_module(PLUGINS[device])\\n    place = torch.device(device) if device == \\"cpu\\" else torch.device(device, index)\\n    if device == \\"mps\\":\\n        assert torch.backends.mps.is_available(), \\"the framework sees no device\\"\\n    elif device not in (\\"cpu\\", \\"xla\\"):\\n        assert getattr(torch, device).is_available(), \\"the framework sees no device\\"\\n    if device == \\"cuda\\":\\n        # A ROCm build answers to the name `cuda` as well; `hip` tells it from a CUDA build.\\n        assert (torch.version.hip is None) != (torch.version.cuda is None), \\"neither a CUDA nor a ROCm build\\"\\n        assert torch.version.hip is not None or \\"+rocm\\" not in torch.__version__, \\"a ROCm build without HIP\\"\\n    # Each row holds 0 to 255, which even bfloat16 has exactly, and its sum stays below 2**24, exact in float32.\\n    left = torch.arange(256, dtype=torch.float32).repeat(256, 1).to(place)\\n    product = left @ torch.ones(256, 256, dtype=torch.float32).to(place)\\n    assert product.device.type == place.type, f\\"computed on {product.device}\\"\\n    observed = sorted({int(value) for value in product.flatten().tolist()})\\n    assert observed == [32640], f\\"wrong result {observed[:4]}\\"\\n    return {\\"device_name\\": device_name(place), \\"expected\\": \\"[32640]\\", \\"observed\\": str(observed)}\\n"}],"packages":{"torch":"2.14.1","torchvision":"0.29.1"},"brought":{}}'


def main(expected: dict[str, Any]) -> int:
    """Run all tests, print a line for each, and return the exit status."""
    passed = [passes(test, index) for test in expected["tests"] for index in test["indices"]]
    installed = {plain(found.metadata["Name"] or ""): found.version for found in distributions()}
    locked, brought = expected["packages"], expected["brought"]
    differing = [name for name in locked if installed.get(plain(name)) != locked[name]]
    for name in brought:
        if not is_build_of(installed.get(plain(name), ""), brought[name]):
            say(f"FAILED  {name}: the base image brings {brought[name]}, found {installed.get(plain(name), 'none')}")
            passed.append(False)
    for name in differing:
        say(f"FAILED  {name}: locked {locked[name]}, installed {installed.get(plain(name), 'not at all')}")
    say(f"{len(locked) - len(differing)} of {len(locked)} packages equal the lock")
    return 0 if all(passed) and not differing else 1


def passes(test: dict[str, Any], index: int) -> bool:
    """Run one test on one device, say what came of it, and tell whether that is right."""
    device = f"{test['device']}:{index}" if test["numbered"] else test["device"]
    title = f"{test['recipe']} on {device}"
    scope: dict[str, Any] = {"__name__": "envkit_smoke"}
    try:
        exec(compile(test["program"], f"<test of {test['recipe']}>", "exec"), scope)  # noqa: S102 - its purpose
        answer = scope["smoke"](test["device"], index)
    except BaseException:  # noqa: BLE001 - whatever a framework raises is the result of the test
        say(f"FAILED  {title}\n{traceback.format_exc(limit=-3)}")
        return False
    right = str(answer["expected"]) == str(answer["observed"])
    say(
        f"{'ok' if right else 'FAILED'}  {title} ({answer['device_name']}): "
        f"expected {answer['expected']}, got {answer['observed']}"
    )
    return right


def is_build_of(version: str, release: str) -> bool:
    """Tell whether a version is a build of a release: `2.5.1+vendor` of `2.5.1`, and not `2.5.10`."""
    return re.match(rf"{re.escape(release)}(?!\.?\d)", version) is not None


def plain(name: str) -> str:
    """Return the name of a package in its one spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def say(text: str) -> None:
    """Print a line at once: a framework may crash the interpreter later."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(json.loads(EXPECTED)))
