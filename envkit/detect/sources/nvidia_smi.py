"""nvidia-smi, for what neither files nor NVML told; the parsers take text and leave out what they cannot read."""

import csv
import re
from collections.abc import Callable, Iterator

from envkit.detect.pci import full_address
from envkit.detect.reading import Reading
from envkit.detect.sources.nvidia_nvml import pci_id
from envkit.model.host import Device
from envkit.system.command import Command
from envkit.system.host import Host

_TIMEOUT_SECONDS = 30.0
_COLUMNS = "index,name,driver_version,compute_cap,memory.total,pci.bus_id,mig.mode.current"
_MEMORY = re.compile(r"(\d{1,9})\s*MiB")
_HEADER = re.compile(r"Driver Version:\s*(?P<driver>\d+(?:\.\d+)+)(?:.*?CUDA Version:\s*(?P<cuda>\d+\.\d+))?")
_ROW = re.compile(
    r"^\|\s+(?P<index>\d{1,4})\s+(?P<name>\S.*?)\s+(?:On|Off|N/A)\s+\|\s+(?P<address>[0-9A-Fa-f]+:[0-9A-Fa-f:.]+)"
)
_LIBRARY = re.compile(r"NVML library version: (?P<version>[\d.]+)")
_MISMATCH = "Driver/library version mismatch"
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_NUMBER = re.compile(r"\d{1,9}")
_CAPABILITY = re.compile(r"(\d+)\.(\d)")


def ask_tool(host: Host, tool: str, known: Callable[[tuple[Reading, ...]], bool]) -> tuple[Reading, ...]:
    """Ask nvidia-smi in one form after another until `known` says that enough is known.

    Forms, in order: 1. `--query-gpu` as CSV (no CUDA version); 2. `-q -x`; 3. `-q`; 4. the table for people.
    """
    forms: tuple[tuple[tuple[str, ...], Callable[[str, str], Reading]], ...] = (
        ((f"--query-gpu={_COLUMNS}", "--format=csv,noheader,nounits"), parse_csv),
        (("-q", "-x"), parse_xml),
        (("-q",), parse_text),
        ((), parse_table),
    )
    readings: list[Reading] = []
    for arguments, parse in forms:
        source = " ".join(("nvidia-smi", *(argument.partition("=")[0] for argument in arguments[:2])))
        completed = host.run(Command(argv=(tool, *arguments), timeout_seconds=_TIMEOUT_SECONDS, stable=True))
        if completed.failure is not None:
            readings.append(Reading(source=source, failure=completed.failure))
            if completed.failure.startswith("timed out"):  # so would the next form
                break
        elif _MISMATCH in completed.stdout:
            return (*readings, _mismatch(completed.stdout, source))
        else:
            readings.append(parse(completed.stdout, source))
        if known(tuple(readings)):
            break
    return tuple(readings)


def is_mismatch(reading: Reading) -> bool:
    """Tell whether nvidia-smi said that library and kernel module are of different versions."""
    return reading.failure is not None and reading.failure.startswith(_MISMATCH)


def _mismatch(text: str, source: str) -> Reading:
    match = _LIBRARY.search(text)
    library = "" if match is None else f" (library {match['version']})"
    return Reading(source=source, failure=f"{_MISMATCH}{library}")


def parse_csv(text: str, source: str) -> Reading:
    """Parse `--query-gpu`: 0, NVIDIA H100 80GB HBM3, 535.161.08, 9.0, 81559, 00000000:19:00.0, Disabled."""
    devices, partitioned, driver = [], [], None
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        index = _number(row[0]) if len(row) == _COLUMNS.count(",") + 1 else None
        if index is None:
            continue
        address = full_address(row[5])
        driver = driver or _matched(_VERSION, row[2])
        devices.append(
            Device(
                vendor="nvidia",
                index=index,
                name=_text(row[1]),
                architecture=_architecture(row[3]),
                memory_mib=_number(row[4]),
                pci_address=address,
            )
        )
        partitioned += [address] if address and row[6] == "Enabled" else []
    failure = None if devices else _unread(text)
    return Reading(
        source=source, devices=tuple(devices), partitioned=tuple(partitioned), driver=driver, failure=failure
    )


def parse_xml(text: str, source: str) -> Reading:
    """Parse `-q -x`, document types 10 to 13; `attached_gpus` may exceed the devices that are described."""
    # Imported here: it takes 10 ms, and only hosts without NVML come here.
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(text)
    except (ParseError, DefusedXmlException, ValueError) as error:
        return Reading(source=source, failure=f"not XML that can be read: {error}")
    devices, partitions, partitioned = [], [], []
    for place, gpu in enumerate(root.iter("gpu")):
        address = full_address(gpu.findtext("pci/pci_bus_id") or gpu.get("id") or "")
        minor = _number(gpu.findtext("minor_number"))
        combined = gpu.findtext("pci/pci_device_id") or ""
        devices.append(
            Device(
                vendor="nvidia",
                index=place,
                name=_text(gpu.findtext("product_name")),
                memory_mib=_mib(gpu.findtext("fb_memory_usage/total")),
                pci_address=address,
                pci_id=pci_id(int(combined, 16) if re.fullmatch(r"[0-9A-Fa-f]{8}", combined) else None),
                nodes=None if minor is None else (f"/dev/nvidia{minor}",),
            )
        )
        partitioned += [address] if address and gpu.findtext("mig_mode/current_mig") == "Enabled" else []
        partitions += [
            Device(
                vendor="nvidia",
                index=number,
                pci_address=address,
                memory_mib=_mib(instance.findtext("fb_memory_usage/total")),
                usable=True,
            )
            for number, instance in enumerate(gpu.iter("mig_device"))
        ]
    return Reading(
        source=source,
        devices=tuple(devices),
        partitions=tuple(partitions),
        partitioned=tuple(partitioned),
        driver=_matched(_VERSION, root.findtext("driver_version")),
        ceiling=_matched(_VERSION, root.findtext("cuda_version")),
    )


def parse_text(text: str, source: str) -> Reading:
    """Parse `-q`: one block per `GPU 00000000:19:00.0`, sections by indentation.

    FB Memory Usage
        Total                             : 81559 MiB
    """
    head, *blocks = re.split(r"^GPU (?=[0-9A-Fa-f]{4,8}:)", text, flags=re.MULTILINE)
    fields = dict(_fields(head))
    devices, partitioned = [], []
    for place, block in enumerate(blocks):
        address = full_address(block.partition("\n")[0])
        told = dict(_fields(block))
        minor = _number(told.get("Minor Number"))
        combined = told.get("PCI/Device Id", "")
        devices.append(
            Device(
                vendor="nvidia",
                index=place,
                name=_text(told.get("Product Name")),
                memory_mib=_mib(told.get("FB Memory Usage/Total")),
                pci_address=address,
                pci_id=pci_id(int(combined, 16) if re.fullmatch(r"0x[0-9A-Fa-f]{8}", combined) else None),
                nodes=None if minor is None else (f"/dev/nvidia{minor}",),
            )
        )
        partitioned += [address] if address and told.get("MIG Mode/Current") == "Enabled" else []
    return Reading(
        source=source,
        devices=tuple(devices),
        partitioned=tuple(partitioned),
        driver=_matched(_VERSION, fields.get("Driver Version")),
        ceiling=_matched(_VERSION, fields.get("CUDA Version")),
        failure=None if devices or fields.get("Driver Version") else _unread(text),
    )


def _fields(block: str) -> Iterator[tuple[str, str]]:
    """Yield `Section/Key` (or `Key` outside of sections) and value, last first: in a dict the first of a name wins."""
    section, found = "", []
    for line in block.splitlines():
        key, colon, value = line.partition(" : ")
        indented = len(line) - len(line.lstrip())
        if not colon:
            section = line.strip()
        else:
            deep = indented > 4  # noqa: PLR2004 - keys of a device stand four blanks in, those of its sections eight
            found.append((f"{section}/{key.strip()}" if deep else key.strip(), value.strip()))
    yield from reversed(found)


def parse_table(text: str, source: str) -> Reading:
    """Parse the table for people; a name that it cut is not a name.

    | NVIDIA-SMI 565.77.01              Driver Version: 566.36         CUDA Version: 12.7     |
    |   0  NVIDIA GeForce RTX 4090 ...    On  |   00000000:01:00.0 Off |                  N/A |
    | N/A   47C    P0             27W /  175W |       0MiB /  16376MiB |      0%      Default |
    """
    header = _HEADER.search(text)
    lines = text.splitlines()
    devices = []
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        row = _ROW.match(line)
        if row is not None:
            memory = _MEMORY.findall(following)
            devices.append(
                Device(
                    vendor="nvidia",
                    index=int(row["index"]),
                    name=row["name"],
                    pci_address=full_address(row["address"]),
                    memory_mib=int(memory[-1]) if memory else None,
                )
            )
    return Reading(
        source=source,
        devices=tuple(devices),
        driver=None if header is None else header["driver"],
        ceiling=None if header is None else header["cuda"],
        failure=None if devices or header else _unread(text),
    )


def _text(value: str | None) -> str | None:
    """Return a value, or None for one of the ways in which nvidia-smi says that it has none."""
    text = (value or "").strip()
    return None if not text or text.startswith("[") or text in {"N/A", "Unknown Error"} else text


def _number(value: str | None) -> int | None:
    match = _NUMBER.fullmatch((value or "").strip())
    return None if match is None else int(match[0])


def _unread(text: str) -> str:
    return text.strip().partition("\n")[0][:200] or "printed nothing"


def _mib(value: str | None) -> int | None:
    match = _MEMORY.search(value or "")
    return None if match is None else int(match[1])


def _architecture(value: str) -> str | None:
    match = _CAPABILITY.fullmatch(value.strip())
    return None if match is None else f"sm_{match[1]}{match[2]}"


def _matched(pattern: re.Pattern[str], value: str | None) -> str | None:
    match = pattern.fullmatch((value or "").strip())
    return None if match is None else match[0]
