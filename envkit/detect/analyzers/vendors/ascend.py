"""Huawei Ascend: a CANN that asks for a newer driver."""

from envkit.detect.findings import make_finding
from envkit.detect.models import known_vendor
from envkit.detect.situation import Situation
from envkit.model.host import Finding
from envkit.model.version import VendorVersion

_VENDOR = "ascend"


def runtime_newer_than_driver(situation: Situation) -> tuple[Finding, ...]:
    """Report an installed CANN whose release asks for a newer driver; a release without a row asks as an older one."""
    stack, table = situation.facts.stack(_VENDOR), known_vendor(_VENDOR)
    if stack is None or not stack.runtimes or table is None:
        return ()
    installed = stack.runtimes[0]
    driver, runtime = _version(stack.driver), _version(installed.version)
    if driver is None or runtime is None:
        return ()
    asked = [row for row in table.driver_rows if VendorVersion(row.runtime) <= runtime]
    row = max(asked, key=lambda row: VendorVersion(row.runtime), default=None)
    if row is None or driver >= VendorVersion(row.minimum):
        return ()
    fact, evidence = f"{situation.stack(_VENDOR)}.driver", f"driver {driver}, CANN {runtime} in {installed.path}"
    return (
        make_finding(
            "cann-newer-than-driver",
            fact,
            evidence,
            system=situation.system,
            runtime=str(runtime),
            minimum=row.minimum,
        ),
    )


def _version(text: str | None) -> VendorVersion | None:
    try:
        return None if text is None else VendorVersion(text)
    except ValueError:
        return None


ANALYZERS = (runtime_newer_than_driver,)
