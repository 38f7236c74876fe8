"""All probes of a machine, side by side, put together into its facts."""

import importlib
import pkgutil
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from envkit.detect import vendors
from envkit.detect.driver_files import with_files
from envkit.detect.engines import detect_engines
from envkit.detect.facts import Surroundings, VendorFacts
from envkit.detect.machine import detect_system
from envkit.detect.nodes import with_node_groups
from envkit.detect.pci import scan_pci
from envkit.detect.processor import detect_processor, total_memory_mib
from envkit.detect.pythons import detect_pythons
from envkit.detect.situation import judge_host
from envkit.detect.visibility import detect_masks
from envkit.model.host import Evidence, Finding, Gap, HostFacts
from envkit.system.host import Host

_OWN_PLACE = re.compile(r"^(devices|stacks)\[(\d+)\]")
Row = TypeVar("Row", Finding, Evidence, Gap)


def detect_host(host: Host, *, data_directory: str) -> HostFacts:
    """Return everything known about a machine; free disk space is that of `data_directory`.

    Nothing of the machine makes this fail: what cannot be read is a gap. Raises `DataError` for a broken device table.
    """
    system = detect_system(host)
    pci, gaps = scan_pci(host)
    around = Surroundings(host, system, pci)
    detectors = vendor_detectors()
    # What waits for processes gets a thread each; the processor's tables are decoded meanwhile in this one.
    with ThreadPoolExecutor(max_workers=len(detectors) + 2) as workers:
        engines = workers.submit(detect_engines, host)
        pythons = workers.submit(detect_pythons, host)
        found = [workers.submit(detect, around) for detect in detectors]
        processor = detect_processor(host)
        joined = _joined(tuple(future.result() for future in found))
        if pci is None and not joined.devices:
            # Imported here: a machine whose bus can be read has no use for it.
            from envkit.detect.another_detector import facts_of_another_detector

            told = _joined(facts_of_another_detector(around))
            joined = told if told.devices else joined
        free = host.free_bytes(data_directory)
        nothing_known = pci is None and not joined.devices
        devices = with_node_groups(host, joined.devices or ())
        facts = msgspec.structs.replace(
            joined,
            os=system,
            cpu=processor,
            memory_mib=total_memory_mib(host),
            disk_free_mib=None if free is None else free // (1024 * 1024),
            devices=None if nothing_known else devices,
            stacks=None if nothing_known and not joined.stacks else with_files(host, joined.stacks or (), devices),
            engines=engines.result(),
            pythons=pythons.result(),
            gaps=(*gaps, *joined.gaps),
        )
    facts = msgspec.structs.replace(facts, masks=detect_masks(host, facts))
    return judge_host(host, facts, pci)


def vendor_detectors() -> tuple[Callable[[Surroundings], VendorFacts], ...]:
    """Return the detector of every vendor, by module name; a new module in the folder is one of them."""
    names = sorted(module.name for module in pkgutil.iter_modules(vendors.__path__))
    return tuple(importlib.import_module(f"{vendors.__name__}.{name}").detect for name in names)


def _joined(parts: tuple[VendorFacts, ...]) -> HostFacts:
    """Put the vendors' facts one behind the other, and move the places that their rows are about."""
    facts = HostFacts(devices=(), stacks=())
    for part in parts:
        devices, stacks = facts.devices or (), facts.stacks or ()
        starts = {"devices": len(devices), "stacks": len(stacks)}
        facts = HostFacts(
            devices=(*devices, *part.devices),
            stacks=stacks if part.stack is None else (*stacks, part.stack),
            findings=(*facts.findings, *_moved(part.findings, starts)),
            evidence=(*facts.evidence, *_moved(part.evidence, starts)),
            gaps=(*facts.gaps, *_moved(part.gaps, starts)),
        )
    return facts


def _moved(rows: tuple[Row, ...], starts: dict[str, int]) -> tuple[Row, ...]:
    def move(match: re.Match[str]) -> str:
        return f"{match[1]}[{int(match[2]) + starts[match[1]]}]"

    return tuple(msgspec.structs.replace(row, fact=_OWN_PLACE.sub(move, row.fact)) for row in rows)
