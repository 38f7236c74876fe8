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

EXPECTED = '{"tests":[{"recipe":"xgboost","device":"cuda","indices":[0],"numbered":true,"program":"import json\\nimport platform\\n\\nimport numpy\\nimport xgboost\\n\\n\\ndef smoke(device: str, index: int) -> dict:\\n    place = device if device == \\"cpu\\" else f\\"{device}:{index}\\"\\n    # One tree with two leaves over two groups of rows: the mean of each group is what the tree must answer.\\n    features = numpy.repeat(numpy.array([0.0, 1.0], dtype=numpy.float32), 128).reshape(-1, 1)\\n    data = xgboost.DMatrix(features, label=features[:, 0] * 8)\\n    settings = {\\"device\\": place, \\"tree_method\\": \\"hist\\", \\"max_depth\\": 1, \\"eta\\": 1, \\"lambda\\": 0, \\"base_score\\": 0}\\n    booster = xgboost.train(settings, data, num_boost_round=1)\\n    # Where the device is missing XGBoost moves to the processor with a warning: the settings in use tell.\\n    used = json.loads(booster.save_config())[\\"learner\\"][\\"generic_param\\"][\\"device\\"]\\n    assert used == place, f\\"computed on {used}\\"\\n    observed = sorted({float(value) for value in booster.predict(data)})\\n    assert observed == [0.0, 8.0], f\\"wrong result {observed[:4]}\\"\\n    name = platform.processor() or platform.machine() if device == \\"cpu\\" else used\\n    return {\\"device_name\\": name, \\"expected\\": \\"[0.0, 8.0]\\", \\"observed\\": str(observed)}\\n"}],"packages":{"xgboost":"3.3.0"},"brought":{}}'


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
