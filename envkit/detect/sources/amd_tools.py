"""The libraries of ROCm SMI and AMD SMI, and amd-smi, rocm-smi and rocminfo, for what the kernel's files did not tell.

The libraries were never asked on a real device here. Parsers leave out what they cannot read.
"""

import csv
import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from envkit.detect.by_tool import Form, ask_forms
from envkit.detect.decoding import decode_json
from envkit.detect.facts import Surroundings
from envkit.detect.pci import full_address
from envkit.detect.reading import Reading
from envkit.detect.sources.library import library_form
from envkit.model.host import Device

_VENDOR_ID = "0x1002"
_VENDOR_WORDS = ("amd", "advanced micro devices")
_MIB = 1024 * 1024
_NUMBER = re.compile(r"\d{1,20}")
_TARGET = re.compile(r"gfx[0-9a-f]{3,5}")
_MODULE_LINE = re.compile(r"ROCk module version (?P<version>[\d.]+) is loaded")
_AGENT = re.compile(r"^Agent \d+", re.MULTILINE)
_CODE = re.compile(r"0x([0-9a-fA-F]{1,4})\)?")


def ask_tools(
    around: Surroundings, enough: Callable[[tuple[Reading, ...]], bool], *, seen: bool
) -> tuple[Reading, ...]:
    """Ask one library or tool after another until it is `enough`; `seen`: the bus or the kernel shows a device.

    Order: 1. ROCm SMI's library, and that of AMD SMI, which replaces it; 2. amd-smi; 3. rocminfo; 4. rocm-smi as JSON,
    its driver and bus apart, as old releases lack them; 5. rocm-smi as CSV.
    """
    return ask_forms(around, FORMS, enough, seen=seen)


class _Asic(msgspec.Struct):
    market_name: str | None = None
    vendor_id: str | None = None
    device_id: str | None = None
    target_graphics_version: str | None = None


class _Bus(msgspec.Struct):
    bdf: str | None = None


class _Driver(msgspec.Struct):
    version: str | None = None


class _Size(msgspec.Struct):
    value: int | None = None
    unit: str | None = None


class _Vram(msgspec.Struct):
    size: _Size | int | str | None = None


class _Gpu(msgspec.Struct):
    gpu: int
    asic: _Asic = msgspec.field(default_factory=_Asic)
    bus: _Bus = msgspec.field(default_factory=_Bus)
    driver: _Driver = msgspec.field(default_factory=_Driver)
    vram: _Vram = msgspec.field(default_factory=_Vram)


class _Gpus(msgspec.Struct):
    gpu_data: tuple[_Gpu, ...]


def parse_amd_smi(text: str, source: str) -> Reading:
    """Parse `amd-smi static --json`: a list of GPUs, wrapped in `gpu_data` since ROCm 7."""
    wrapped = decode_json(text, _Gpus)
    gpus = decode_json(text, tuple[_Gpu, ...]) if wrapped is None else wrapped.gpu_data
    if gpus is None:
        return Reading(source=source, failure=_unread(text))
    devices = tuple(
        Device(
            vendor="amd",
            index=gpu.gpu,
            name=_text(gpu.asic.market_name),
            pci_address=full_address(gpu.bus.bdf or ""),
            pci_id=_pci_id(gpu.asic.device_id),
            architecture=target(gpu.asic.target_graphics_version),
            memory_mib=_megabytes(gpu.vram.size),
        )
        for gpu in gpus
        if gpu.asic.vendor_id in (None, _VENDOR_ID)
    )
    return Reading(source=source, devices=devices, driver=_driver(gpu.driver.version for gpu in gpus))


def parse_rocm_smi(text: str, source: str) -> Reading:
    """Parse `rocm-smi --json`, which warnings may precede.

    {"card0": {"Card Series": "…", "GFX Version": "gfx1031"}, "system": {"Driver version": "6.3.6"}}
    """
    start = text.find("{")
    document = decode_json(text[start:] if start >= 0 else "", dict[str, dict[str, str]])
    if document is None:
        return Reading(source=source, failure=_unread(text))
    cards = {name: _lower(fields) for name, fields in document.items() if re.fullmatch(r"card\d{1,4}", name)}
    system = _lower(document.get("system", {}))
    return Reading(source=source, devices=_cards(cards), driver=_driver([system.get("driver version")]))


def parse_rocm_smi_csv(text: str, source: str) -> Reading:
    """Parse `rocm-smi --csv`: the keys of the JSON form as the first line, one line per card."""
    lines = text.splitlines()
    start = next((place for place, line in enumerate(lines) if line.startswith("device,")), len(lines))
    rows = [row for row in csv.DictReader(lines[start:]) if re.fullmatch(r"card\d{1,4}", row["device"] or "")]
    cards = {row["device"]: _lower({key: value for key, value in row.items() if key and value}) for row in rows}
    return Reading(source=source, devices=_cards(cards), failure=None if cards else _unread(text))


def _cards(cards: Mapping[str, Mapping[str, str]]) -> tuple[Device, ...]:
    """Take cards of AMD's only: Hygon's tool of the same name names its own maker."""
    return tuple(
        Device(
            vendor="amd",
            index=int(name.removeprefix("card")),
            name=_text(fields.get("card series")),
            pci_address=full_address(fields.get("pci bus", "")),
            # `Card Model` is the device's id in some releases and that of the board in others.
            pci_id=_pci_id(fields.get("device id") or fields.get("card model")),
            architecture=target(fields.get("gfx version")),
            memory_mib=_mib(fields.get("vram total memory (b)")),
        )
        for name, fields in cards.items()
        if fields.get("card vendor", "amd").lower().startswith(_VENDOR_WORDS)
        and not any("dcu" in field for field in fields)
    )


def parse_rocminfo(text: str, source: str) -> Reading:
    """Parse `rocminfo`: one block per agent, of which processors are some.

    Name:                    gfx1101
    Marketing Name:          AMD Radeon RX 7800 XT
    Vendor Name:             AMD
    Device Type:             GPU
    """
    head, *blocks = _AGENT.split(text)
    agents = [_first_fields(block) for block in blocks]
    gpus = [fields for fields in agents if fields.get("Device Type") == "GPU" and fields.get("Vendor Name") == "AMD"]
    module = _MODULE_LINE.search(head)
    denied = next((line.strip() for line in head.splitlines() if "Permission denied" in line), None)
    return Reading(
        source=source,
        devices=tuple(_agent(index, fields) for index, fields in enumerate(gpus)),
        driver=None if module is None else module["version"],
        failure=denied or (None if agents else _unread(text)),
    )


def _agent(index: int, fields: Mapping[str, str]) -> Device:
    code = _CODE.search(fields.get("Chip ID", ""))
    return Device(
        vendor="amd",
        index=index,
        name=_text(fields.get("Marketing Name")),
        pci_id=None if code is None else _pci_id(f"0x{code[1]}"),
        architecture=target(fields.get("Name")),
    )


def _first_fields(block: str) -> dict[str, str]:
    """Return the first value of each key: the later ones belong to memory pools and instruction sets."""
    fields: dict[str, str] = {}
    for line in block.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    return fields


def target(text: str | None) -> str | None:
    """Return a gfx target; some releases of rocm-smi write its last part in two decimal digits: gfx11001 is gfx1101."""
    if text is None or not _TARGET.fullmatch(text):
        return None
    digits = text.removeprefix("gfx")
    usual = 3 if digits.startswith("9") else 4
    if len(digits) != usual + 1:
        return text
    head, step = digits[:-2], digits[-2:]
    return f"gfx{head}{int(step):x}" if step.isdecimal() else None


def _lower(fields: Mapping[str, str]) -> dict[str, str]:
    """Return fields by lower-case key: `Card series` became `Card Series` in ROCm 6.1."""
    return {key.lower(): value for key, value in fields.items()}


def _driver(versions: Iterable[str | None]) -> str | None:
    return next((version for version in versions if version and version[0].isdigit()), None)


def _pci_id(text: str | None) -> str | None:
    match = _CODE.fullmatch(text or "")
    return None if match is None else f"1002:{match[1].lower().zfill(4)}"


def _mib(text: str | None) -> int | None:
    return int(text) // _MIB if _NUMBER.fullmatch(text or "") and text else None


def _megabytes(size: _Size | int | str | None) -> int | None:
    value: object = size.value if isinstance(size, _Size) else size
    match = _NUMBER.match(str(value))
    return None if match is None else int(match[0]) or None


def _text(value: str | None) -> str | None:
    return None if value is None or value.strip() in {"", "N/A", "xxx"} else value.strip()


def _unread(text: str) -> str:
    return text.strip().partition("\n")[0][:200] or "printed nothing"


def _tool(parse: Callable[[str, str], Reading], *argv: str) -> Form:
    return Form(argv, parse, source=" ".join(argv[:2]))


_PRODUCTS = ("rocm-smi", "-i", "--showproductname", "--showmeminfo", "vram")
_LIBRARY_FOLDERS = ("/opt/rocm/lib", "/opt/rocm/lib64")
FORMS = (
    library_form("amd", "rocm_smi", "librocm_smi64.so", _LIBRARY_FOLDERS, pci_vendor=_VENDOR_ID[2:]),
    library_form("amd", "amd_smi", "libamd_smi.so", _LIBRARY_FOLDERS, pci_vendor=_VENDOR_ID[2:]),
    _tool(parse_amd_smi, "amd-smi", "static", "--asic", "--bus", "--driver", "--vram", "--json"),
    _tool(parse_rocminfo, "rocminfo"),
    _tool(parse_rocm_smi, *_PRODUCTS, "--json"),
    _tool(parse_rocm_smi, "rocm-smi", "--showdriverversion", "--showbus", "--json"),
    _tool(parse_rocm_smi_csv, *_PRODUCTS, "--csv"),
)
