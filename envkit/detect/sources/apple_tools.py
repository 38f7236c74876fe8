"""What macOS tells of Apple's own chips; parsers leave out what they cannot read."""

import re

import msgspec

from envkit.detect.decoding import decode_json
from envkit.detect.printed import unread
from envkit.detect.reading import Reading
from envkit.model.host import Device, Runtime

_VENDOR = "apple"
_MAKER = "sppci_vendor_Apple"
_PREFIX = "Apple "
_MIB = 1024 * 1024
_BYTES = re.compile(r"\d{1,15}")
_METAL = re.compile(r"spdisplays_metal(?P<version>\d+)")
# The oldest chip is named by a key of a table of names that system_profiler does not look up.
_KEY = re.compile(r"kHW_Apple(?P<chip>M\d)(?P<kind>Pro|Max|Ultra)?Item")


def parse_sysctl(text: str, source: str) -> Reading:
    """Parse `sysctl machdep.cpu.brand_string hw.memsize`; the chip's GPU has the memory of the machine.

    machdep.cpu.brand_string: Apple M3 Max
    hw.memsize: 137438953472
    """
    fields = dict(line.partition(": ")[::2] for line in text.splitlines())
    name = fields.get("machdep.cpu.brand_string", "").strip()
    if not name.startswith(_PREFIX):
        return Reading(source=source, failure=f"not a chip of Apple's: {name or unread(text)}")
    size = fields.get("hw.memsize", "").strip()
    memory = int(size) // _MIB or None if _BYTES.fullmatch(size) else None
    return Reading(source=source, devices=(Device(vendor=_VENDOR, index=0, name=name, memory_mib=memory),))


def is_translated(text: str) -> bool:
    """Tell whether `sysctl sysctl.proc_translated` says that the caller is a program for Intel processors."""
    return "sysctl.proc_translated: 1" in text.splitlines()


class _Display(msgspec.Struct):
    sppci_model: str | None = None
    name: str | None = msgspec.field(name="_name", default=None)
    maker: str | None = msgspec.field(name="spdisplays_vendor", default=None)
    metal: str | None = msgspec.field(name="spdisplays_metal", default=None)
    family: str | None = msgspec.field(name="spdisplays_mtlgpufamilysupport", default=None)


class _Displays(msgspec.Struct):
    displays: tuple[_Display, ...] = msgspec.field(name="SPDisplaysDataType")


def parse_displays(text: str, source: str) -> Reading:
    """Parse `system_profiler SPDisplaysDataType -json`: the GPUs of a Mac, of which only Apple's own count.

    {"SPDisplaysDataType": [{"sppci_model": "Apple M3 Max", "spdisplays_vendor": "sppci_vendor_Apple",
     "spdisplays_mtlgpufamilysupport": "spdisplays_metal3"}]}
    """
    document = decode_json(text, _Displays)
    if document is None:
        return Reading(source=source, failure=unread(text))
    own = [display for display in document.displays if display.maker == _MAKER]
    families = (_METAL.fullmatch(display.family or "") for display in own)
    version = next((family["version"] for family in families if family is not None), None)
    return Reading(
        source=source,
        devices=tuple(
            Device(vendor=_VENDOR, index=place, name=_name(display), usable=True if _has_metal(display) else None)
            for place, display in enumerate(own)
        ),
        runtimes=() if version is None else (Runtime(name="metal", version=version),),
        failure=None if own else "no GPU of Apple's",
    )


def _has_metal(display: _Display) -> bool:
    return display.metal == "spdisplays_supported" or _METAL.fullmatch(display.family or "") is not None


def _name(display: _Display) -> str | None:
    written = display.sppci_model or display.name or ""
    key = _KEY.fullmatch(written)
    return " ".join(filter(None, ("Apple", key["chip"], key["kind"]))) if key else written or None
