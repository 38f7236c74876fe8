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

EXPECTED = '{"tests":[{"recipe":"onnxruntime","device":"CUDAExecutionProvider","indices":[0],"numbered":true,"program":"import platform\\n\\nimport numpy\\nimport onnxruntime\\n\\n\\ndef field(number: int, value: int | str | bytes) -> bytes:\\n    \\"\\"\\"Encode one field of a protocol buffer; every number here is below 128.\\"\\"\\"\\n    if isinstance(value, int):\\n        return bytes([number << 3, value])\\n    content = value.encode() if isinstance(value, str) else value\\n    return bytes([number << 3 | 2, len(content)]) + content\\n\\n\\ndef tensor(name: str) -> bytes:\\n    \\"\\"\\"Encode the declaration of a 16 by 16 tensor of float32.\\"\\"\\"\\n    shape = field(1, field(1, 16)) * 2\\n    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))\\n\\n\\ndef choose(device: str, index: int) -> tuple[str, dict[str, str]]:\\n    \\"\\"\\"Return the provider with its options; `OpenVINOExecutionProvider:GPU` names a kind of device behind the colon.\\"\\"\\"\\n    provider, _, kind = device.partition(\\":\\")\\n    if provider == \\"CUDAExecutionProvider\\":\\n        # The libraries that came as packages lie where the loader does not look.\\n        onnxruntime.preload_dlls()\\n        return provider, {\\"device_id\\": str(index)}\\n    if kind:\\n        return provider, {\\"device_type\\": kind if kind == \\"NPU\\" else f\\"{kind}.{index}\\"}\\n    return provider, {}\\n\\n\\ndef smoke(device: str, index: int) -> dict:\\n    # The model is `product = MatMul(left, right)`: version 8 of the format, version 13 of the operators.\\n    node = field(1, \\"left\\") + field(1, \\"right\\") + field(2, \\"product\\") + field(4, \\"MatMul\\")\\n    graph = field(1, node) + field(2, \\"smoke\\") + field(11, tensor(\\"left\\")) + field(11, tensor(\\"right\\"))\\n    graph += field(12, tensor(\\"product\\"))\\n    model = field(1, 8) + bytes([7 << 3 | 2, len(graph) & 127 | 128, len(graph) >> 7]) + graph\\n    model += field(8, field(1, \\"\\") + field(2, 13))\\n\\n    provider, options = choose(device, index)\\n    settings = onnxruntime.SessionOptions()\\n    if provider != \\"CPUExecutionProvider\\":\\n        # What the device cannot do must fail, not move to the processor.\\n        settings.add_session_config_entry(\\"session.disable_cpu_ep_fallback\\", \\"1\\")\\n    session = onnxruntime.InferenceSession(model, settings, providers=[(provider, options)])\\n    assert session.get_providers()[0] == provider, f\\"runs on {session.get_providers()}\\"\\n    left = numpy.tile(numpy.arange(16, dtype=numpy.float32), (16, 1))\\n    (product,) = session.run(None, {\\"left\\": left, \\"right\\": numpy.ones((16, 16), dtype=numpy.float32)})\\n    observed = sorted({int(value) for value in product.flatten().tolist()})\\n    assert observed == [120], f\\"wrong result {observed[:4]}\\"\\n    name = platform.processor() or platform.machine() if provider == \\"CPUExecutionProvider\\" else f\\"{device} {index}\\"\\n    return {\\"device_name\\": name, \\"expected\\": \\"[120]\\", \\"observed\\": str(observed)}\\n"}],"packages":{"onnxruntime-gpu":"1.26.0"},"brought":{}}'


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
