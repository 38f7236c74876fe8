"""Runs inside the environment that is verified, fed to its Python through stdin; knows nothing of envkit.

It must run on any Python from 3.8 on, with the standard library alone, and must not be imported by envkit itself.
The report is one line that starts with a marker, because frameworks print to stdout as they like.
"""

import json
import os
import re
import sys
import time
import traceback


def installed_versions():
    from importlib.metadata import distributions

    versions = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            versions[re.sub(r"[-_.]+", "-", name).lower()] = distribution.version
    return versions


def run_test(test, index):
    device = test["device"]
    result = {"recipe": test["recipe"], "device": f"{device}:{index}" if test["numbered"] else device}
    started = time.perf_counter()
    try:
        scope = {"__name__": "envkit_smoke"}
        exec(compile(test["program"], f"<smoke test of {test['recipe']}>", "exec"), scope)
        answer = scope["smoke"](device, index)
        result["device_name"] = str(answer["device_name"])
        result["expected"] = str(answer["expected"])
        result["observed"] = str(answer["observed"])
        result["passed"] = result["expected"] == result["observed"]
    except BaseException:  # whatever a framework raises is the result of the test
        result["passed"] = False
        result["error"] = traceback.format_exc(limit=-3)[-2000:]
    result["seconds"] = round(time.perf_counter() - started, 3)
    return result


def main(payload):
    results = [run_test(test, index) for test in payload["tests"] for index in test["indices"]]
    report = {
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "user": os.geteuid(),
        "results": results,
        "installed": installed_versions(),
    }
    sys.stdout.flush()
    os.write(1, ("\n" + payload["marker"] + json.dumps(report) + "\n").encode())
