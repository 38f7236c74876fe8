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

EXPECTED = '{"tests":[{"recipe":"llama-cpp","device":"cuda","indices":[0,1,2,3,4,5,6,7],"numbered":true,"program":"import ctypes\\nimport platform\\nfrom pathlib import Path\\n\\nimport llama_cpp\\n\\nKINDS = {\\"cpu\\": 0, \\"cuda\\": 1}  # of ggml_backend_dev_type\\n\\n\\nclass Settings(ctypes.Structure):\\n    \\"\\"\\"What ggml_init takes.\\"\\"\\"\\n\\n    _fields_ = [(\\"size\\", ctypes.c_size_t), (\\"buffer\\", ctypes.c_void_p), (\\"no_alloc\\", ctypes.c_bool)]\\n\\n\\nclass Library:\\n    \\"\\"\\"The library that llama.cpp computes with; what a function returns is an address unless it is told otherwise.\\"\\"\\"\\n\\n    def __init__(self, folder: Path) -> None:\\n        self.parts = [ctypes.CDLL(str(folder / name)) for name in (\\"libggml-base.so\\", \\"libggml.so\\")]\\n\\n    def call(self, name: str, *arguments: object, returns: object = ctypes.c_void_p) -> object:\\n        function = getattr(next(part for part in self.parts if hasattr(part, name)), name)\\n        function.restype = returns\\n        answer = function(*arguments)\\n        return ctypes.c_void_p(answer) if returns is ctypes.c_void_p else answer\\n\\n\\ndef smoke(device: str, index: int) -> dict:\\n    ggml = Library(Path(llama_cpp.__file__).parent / \\"lib\\")\\n    found = [ggml.call(\\"ggml_backend_dev_get\\", ctypes.c_size_t(place)) for place in range(count(ggml))]\\n    fitting = [one for one in found if ggml.call(\\"ggml_backend_dev_type\\", one, returns=ctypes.c_int) == KINDS[device]]\\n    assert len(fitting) > index, f\\"sees {len(fitting)} devices of the kind `{device}`\\"\\n    place = fitting[index]\\n    backend = ggml.call(\\"ggml_backend_dev_init\\", place, None)\\n    context = ggml.call(\\"ggml_init\\", Settings(2**20, None, True))\\n    size = [ctypes.c_int64(256), ctypes.c_int64(256)]\\n    left, right = (ggml.call(\\"ggml_new_tensor_2d\\", context, 0, *size) for _ in range(2))\\n    product = ggml.call(\\"ggml_mul_mat\\", context, left, right)\\n    graph = ggml.call(\\"ggml_new_graph\\", context)\\n    ggml.call(\\"ggml_build_forward_expand\\", graph, product, returns=None)\\n    assert ggml.call(\\"ggml_backend_alloc_ctx_tensors\\", context, backend).value, \\"no memory on the device\\"\\n    # Each row holds 0 to 255, which float16 has exactly, and its sum stays below 2**24, exact in float32.\\n    fill(ggml, left, [float(value) for value in range(256)] * 256)\\n    fill(ggml, right, [1.0] * 65536)\\n    assert ggml.call(\\"ggml_backend_graph_compute\\", backend, graph, returns=ctypes.c_int) == 0, \\"the device failed\\"\\n    result = (ctypes.c_float * 65536)()\\n    ggml.call(\\"ggml_backend_tensor_get\\", product, result, ctypes.c_size_t(0), ctypes.c_size_t(262144), returns=None)\\n    observed = sorted({int(value) for value in result})\\n    assert observed == [32640], f\\"wrong result {observed[:4]}\\"\\n    described = ggml.call(\\"ggml_backend_dev_description\\", place, returns=ctypes.c_char_p).decode()\\n    name = platform.processor() or platform.machine() if device == \\"cpu\\" else described\\n    return {\\"device_name\\": name, \\"expected\\": \\"[32640]\\", \\"observed\\": str(observed)}\\n\\n\\ndef count(ggml: Library) -> int:\\n    \\"\\"\\"Return how many devices the library sees.\\"\\"\\"\\n    return ggml.call(\\"ggml_backend_dev_count\\", returns=ctypes.c_size_t)\\n\\n\\ndef fill(ggml: Library, tensor: ctypes.c_void_p, values: list[float]) -> None:\\n    \\"\\"\\"Copy numbers into a tensor on the device.\\"\\"\\"\\n    data = (ctypes.c_float * len(values))(*values)\\n    ggml.call(\\"ggml_backend_tensor_set\\", tensor, data, ctypes.c_size_t(0), ctypes.c_size_t(4 * len(values)), returns=None)\\n"}],"packages":{"llama-cpp-python":"0.3.36"},"brought":{}}'


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
