"""Why no kernel module serves a device, where the host shows it."""

from envkit.detect.situation import Situation
from envkit.model.host import Finding


def explain_missing_driver(situation: Situation) -> tuple[Finding, ...]:
    """Return for each device without driver what kept the module away; nothing where that cannot be seen."""
    missing = [
        (f"devices[{place}]", device)
        for place, device in enumerate(situation.facts.devices or ())
        if device.kernel_driver is None and situation.found_at(f"devices[{place}]", "driver-missing")
    ]
    # A container has the modules of its own image, not those of the kernel that it runs on.
    if not missing or situation.contained:
        return ()
    # Imported here: most hosts have their drivers.
    from envkit.detect.analyzers.missing_module import explain_devices

    return explain_devices(situation, missing)


ANALYZERS = (explain_missing_driver,)
