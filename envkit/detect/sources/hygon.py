"""Hygon's DCUs: the kernel's topology, hy-smi, and the ROCm library and tools that Hygon ships under AMD's names.

They are believed only where they name Hygon: AMD's own tell the same. The library was never asked on a real device
here.
"""

import re
from collections.abc import Mapping

from envkit.detect.by_tool import Form
from envkit.detect.decoding import decode_json
from envkit.detect.pci import full_address
from envkit.detect.printed import find_version, told, unread
from envkit.detect.reading import Reading
from envkit.detect.sources.amd_files import Maker, read_topology
from envkit.detect.sources.library import library_form
from envkit.model.host import Device, Runtime
from envkit.system.host import Host

_VENDOR = "hygon"
_PCI_VENDOR = "1d94"
_MAKER = Maker(_VENDOR, int(_PCI_VENDOR, 16), None)
_SIGN = re.compile(r"\b[DH]CU\b|Haiguang|HYGON")
_CARD = re.compile(r"card(?P<index>\d{1,4})")
_TARGET = re.compile(r"gfx[0-9a-f]{3,5}")
_CODE = re.compile(r"0x(?P<code>[0-9a-fA-F]{1,4})\)?")
_NUMBER = re.compile(r"\d{1,20}")
_ROW = re.compile(r"^\s*(?P<index>\d{1,4})\s+\d+(?:\.\d+)?\s*[cC]\b", re.MULTILINE)
_AGENT = re.compile(r"^Agent \d+", re.MULTILINE)
_POOL = re.compile(r"^\s*Size:\s*(?P<size>\d{1,15})\(0x[0-9a-fA-F]+\) KB", re.MULTILINE)
_DTK = "/opt/dtk"
_DTK_FOLDER = re.compile(r"dtk-(?P<version>\d+(?:\.\d+)+)")
_MIB = 1024 * 1024


def read_devices(host: Host) -> Reading:
    """Return the DCUs that the kernel offers for computing, in the order in which the tools number them."""
    return read_topology(host, _MAKER)


def read_runtimes(host: Host) -> tuple[Runtime, ...] | None:
    """Return the DTK that is installed, which the link to its folder names, or None when that is not known."""
    match = _DTK_FOLDER.search(host.link(_DTK) or "")
    written = find_version(host.read(f"{_DTK}/.info/version").text or "")
    version = written if match is None else match["version"]
    return None if version is None else (Runtime(name="dtk", version=version, path=_DTK),)


def parse_json(text: str, source: str) -> Reading:
    """Parse `hy-smi --json` and `rocm-smi --json`; warnings may stand before it, and keys may be empty.

    {"card0": {"Device ID": "0x6210", "Card Series": "DCU xxxx",
     "Card Vendor": "Chengdu Haiguang IC Design Co., Ltd.", "": "", "DCU use (%)": "0",
     "vram Total Memory (MiB)": "65520"}, "system": {"Driver version": "6.3.13-V1.12.0a"}}
    """
    sections = decode_json(text[max(text.find("{"), 0) :], dict[str, dict[str, object]])
    if sections is None or not _is_hygons(text, source):
        return Reading(source=source, failure=unread(text))
    devices, driver = [], None
    for name, section in sections.items():
        fields = {key.lower(): str(value) for key, value in section.items()}
        card = _CARD.fullmatch(name)
        driver = driver or find_version(fields.get("driver version", ""))
        if card is not None:
            devices.append(_card(int(card["index"]), fields))
    return Reading(source=source, devices=tuple(devices), driver=driver)


def _is_hygons(text: str, source: str) -> bool:
    return source.startswith("hy-smi") or _SIGN.search(text) is not None


def _card(index: int, fields: Mapping[str, str]) -> Device:
    return Device(
        vendor=_VENDOR,
        index=index,
        name=told(fields.get("card series")),
        pci_address=full_address(fields.get("pci bus", "")),
        pci_id=_pci_id(fields.get("device id", "")),
        architecture=_target(fields.get("gfx version")),
        memory_mib=_memory(fields),
    )


def _memory(fields: Mapping[str, str]) -> int | None:
    """Return the memory, which is told in MiB or, as AMD's tool tells it, in bytes."""
    for key, size in (("vram total memory (mib)", 1), ("vram total memory (b)", _MIB)):
        number = fields.get(key, "")
        if _NUMBER.fullmatch(number):
            return int(number) // size or None
    return None


def parse_table(text: str, source: str) -> Reading:
    """Parse the table of `hy-smi` or `rocm-smi`, which tells the number of DCUs (HCUs in new releases) and no more.

    DCU  Temp   AvgPwr  Fan   Perf  PwrCap  VRAM%  DCU%
    0    30.0c  38.0W   0.0%  auto  280.0W    0%   0%
    """
    if not _is_hygons(text, source):
        return Reading(source=source, failure=unread(text))
    devices = tuple(Device(vendor=_VENDOR, index=int(row["index"])) for row in _ROW.finditer(text))
    return Reading(source=source, devices=devices, failure=None if devices else unread(text))


def parse_driver(text: str, source: str) -> Reading:
    """Parse `hy-smi --showdriverversion`: Driver Version: 6.3.13-V1.12.0a."""
    found = re.search(r"Driver Version\s*:\s*(?P<version>\S+)", text, flags=re.IGNORECASE)
    version = None if found is None or not _is_hygons(text, source) else find_version(found["version"])
    return Reading(source=source, driver=version, failure=None if version else unread(text))


def parse_rocminfo(text: str, source: str) -> Reading:
    """Parse `rocminfo`: one block per agent, of which processors are some.

    Name:                    gfx928
    Marketing Name:          K1xx_AI
    Vendor Name:             HYGON
    Device Type:             DCU
    Chip ID:                 25104(0x6210)
    """
    agents = [(_fields(block), block) for block in _AGENT.split(text)[1:]]
    cards = [(fields, block) for fields, block in agents if fields.get("Vendor Name") == "HYGON"]
    return Reading(
        source=source,
        devices=tuple(_agent(index, fields, block) for index, (fields, block) in enumerate(cards)),
        failure=None if cards else unread(text),
    )


def _agent(index: int, fields: Mapping[str, str], block: str) -> Device:
    pool = _POOL.search(block)
    return Device(
        vendor=_VENDOR,
        index=index,
        name=told(fields.get("Marketing Name")),
        pci_id=_pci_id(fields.get("Chip ID", "")),
        architecture=_target(fields.get("Name")),
        memory_mib=None if pool is None else int(pool["size"]) // 1024 or None,
    )


def _fields(block: str) -> dict[str, str]:
    """Return the first value of each key: the later ones belong to memory pools and instruction sets."""
    fields: dict[str, str] = {}
    for line in block.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    return fields


def _target(text: str | None) -> str | None:
    return text if text is not None and _TARGET.fullmatch(text) else None


def _pci_id(text: str) -> str | None:
    match = _CODE.search(text)
    return None if match is None else f"{_PCI_VENDOR}:{match['code'].lower().zfill(4)}"


def forms(host: Host) -> tuple[Form, ...]:
    """Return how to ask: the library, which lies in a folder per release of the DTK, and the tools."""
    releases = (f"/opt/{name}" for name in host.names("/opt") or () if name.startswith("dtk"))
    folders = tuple(f"{root}/{folder}" for root in ("/opt/hyhal", _DTK, *releases) for folder in _LIBRARY_FOLDERS)
    library = library_form(
        _VENDOR, "rocm_smi", "librocm_smi64.so", tuple(dict.fromkeys(folders)), pci_vendor=_PCI_VENDOR
    )
    return (library, *_TOOLS)


_LIBRARY_FOLDERS = ("lib", "rocm_smi/lib", ".hyhal/lib", ".hyhal/rocm_smi/lib")
_FOLDERS = ("/opt/hyhal/bin", "/opt/dtk/bin")
_MEMORY = ("-i", "--showmeminfo", "vram", "--json")
_TOOLS = (
    Form(("hy-smi", *_MEMORY), parse_json, _FOLDERS),
    Form(("hy-smi", "--showproductname", "--json"), parse_json, _FOLDERS),
    Form(("hy-smi", "--showdriverversion"), parse_driver, _FOLDERS),
    Form(("hy-smi",), parse_table, _FOLDERS),
    Form(("rocm-smi", *_MEMORY), parse_json, _FOLDERS),
    Form(("rocm-smi",), parse_table, _FOLDERS),
    Form(("rocminfo",), parse_rocminfo, _FOLDERS),
)
