"""AWS's neuron-ls; its parsers leave out what they cannot read."""

import re

import msgspec

from envkit.detect.by_tool import Form
from envkit.detect.decoding import decode_json
from envkit.detect.pci import full_address
from envkit.detect.printed import cells, find_mib, unread
from envkit.detect.reading import Reading
from envkit.model.host import Device

_VENDOR = "aws-neuron"
_TOOL = "neuron-ls"
_FOLDERS = ("/opt/aws/neuron/bin",)
_MIB = 1024 * 1024
_NUMBER = re.compile(r"\d{1,3}")
_SIZE = 1 << 50  # bytes; more than that is a damaged number
_INSTANCE = re.compile(r"^instance-type: *(?P<family>(?:inf|trn)\d+)", re.MULTILINE)
_FAMILY = re.compile(r"(?:inf|trn)\d+")


class _Chip(msgspec.Struct):
    neuron_device: int
    bdf: str | None = None
    memory_size: int | None = None  # bytes
    instance_type: str | None = None


class _Chips(msgspec.Struct):
    neuron_devices: tuple[_Chip, ...]


def parse_json(text: str, source: str) -> Reading:
    """Parse `neuron-ls -j`: a list of devices, in some releases within `neuron_devices`.

    [{"neuron_device": 0, "bdf": "cc:00.0", "memory_size": 103079215104, "instance_type": "trn2.3xlarge"}]
    """
    wrapped = decode_json(text, _Chips)
    chips = decode_json(text, tuple[_Chip, ...]) if wrapped is None else wrapped.neuron_devices
    if not chips:
        return Reading(source=source, failure=unread(text))
    return Reading(source=source, devices=tuple(map(_from_chip, chips)))


def _from_chip(chip: _Chip) -> Device:
    family = _FAMILY.match(chip.instance_type or "")
    size = chip.memory_size or 0
    return Device(
        vendor=_VENDOR,
        index=chip.neuron_device if 0 <= chip.neuron_device < _MIB else None,
        pci_address=full_address(chip.bdf or ""),
        architecture=None if family is None else family[0],
        memory_mib=size // _MIB or None if 0 < size < _SIZE else None,
        usable=True,
    )


def parse_table(text: str, source: str) -> Reading:
    """Parse `neuron-ls`: the names of the columns stand in two lines, and which columns there are varies.

    instance-type: trn1.2xlarge
    | NEURON | NEURON | NEURON |   PCI   |
    | DEVICE | CORES  | MEMORY |   BDF   |
    | 0      | 2      | 32 GB  | 00:1e.0 |
    """
    instance = _INSTANCE.search(text)
    heads: list[tuple[str, ...]] = []
    devices: list[Device] = []
    for row in (cells(line) for line in text.splitlines() if line.startswith("|")):
        if _NUMBER.fullmatch(row[0]) is None:
            # Behind the first device these are lines of its further processes.
            heads += [] if devices else [row]
            continue
        fields = dict(zip(_columns(heads), row, strict=False))
        devices.append(
            Device(
                vendor=_VENDOR,
                index=int(row[0]),
                pci_address=full_address(fields.get("PCI BDF", "")),
                architecture=None if instance is None else instance["family"],
                memory_mib=find_mib(fields.get("NEURON MEMORY", "")),
                usable=True,
            )
        )
    return Reading(source=source, devices=tuple(devices), failure=None if devices else unread(text))


def _columns(heads: list[tuple[str, ...]]) -> tuple[str, ...]:
    width = min(map(len, heads), default=0)
    return tuple(" ".join(head[place] for head in heads).strip() for place in range(width))


FORMS = (
    Form((_TOOL, "-j"), parse_json, _FOLDERS),
    Form((_TOOL,), parse_table, _FOLDERS),
)
