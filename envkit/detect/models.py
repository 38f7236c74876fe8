"""Device names and driver numbers against a vendor's tables."""

import re

from envkit.errors import UsageError
from envkit.model.host import Device
from envkit.model.vendor import DeviceModel, Vendor
from envkit.model.version import VendorVersion

_BRACKETED = re.compile(r"\[([^\]]+)\]")
_WORD = re.compile(r"[a-z0-9]+")
# Words that do not tell one device from another.
_NOISE = frozenset(
    {"nvidia", "geforce", "tesla", "grid", "generation", "amd", "radeon", "instinct", "series", "intel", "r", "tm"}
)
# What may follow a model's name without making it another model: memory size, form, MIG profile, vGPU type, edition.
_SUFFIX = re.compile(
    r"\d+gb|\d+g|hbm\d?e?|sxm\d?|pcie|nvl|oam|vf|mig|\d+[abcq]|max|q|laptop|mobile|gpu|with|design|edition|lite|hash|rate|nvgpu|graphics"
)
_CUT = "..."
_INTEGRATED = "integrated"


def known_vendor(name: str) -> Vendor | None:
    """Return a vendor's tables, or None when envkit has none; raises `DataError` for a file that does not decode."""
    # Imported here: only a host with a device of the vendor needs the tables.
    from envkit.data import load_vendor

    try:
        return load_vendor(name)
    except UsageError:  # no table for this vendor: nothing is known about its models
        return None


def model_by_pci_id(vendor: Vendor, pci_id: str | None) -> DeviceModel | None:
    """Return the table row that lists a PCI id."""
    return next((model for model in vendor.models if pci_id is not None and pci_id in model.pci_ids), None)


def is_integrated(vendor: Vendor | None, device: Device) -> bool:
    """Tell whether a device is known to be a part of the processor."""
    model = None if vendor is None else model_by_pci_id(vendor, device.pci_id)
    return model is not None and model.category == _INTEGRATED


def only_model(vendor: Vendor, architecture: str) -> DeviceModel | None:
    """Return the table row of an architecture that a single chip has, or None."""
    rows = [model for model in vendor.models if model.architecture == architecture]
    return rows[0] if len(rows) == 1 else None


def architecture_of(vendor: Vendor, name: str, *, board: bool = False) -> str | None:
    """Return the architecture of a device name, or None when it names no single one.

    Whole words count: `A10` is not `A100`, and `RTX 6000 Ada`, `RTX A6000`, `Quadro RTX 6000` and `RTX PRO 6000
    Blackwell` are four generations. Of several fitting rows the longest name wins. A name that its tool cut (`RTX 4090
    ...`) counts when everything that it may be the beginning of has one architecture. `board` allows any words after
    the device's, as a board's model name has them.
    """
    bracketed = _BRACKETED.search(name)
    text = (bracketed[1] if bracketed else name).strip()
    if text.endswith(_CUT):
        return _of_beginning(vendor, text.removesuffix(_CUT))
    words = _words(text)
    # `Quadro T1000` is the T1000 of the table, `Quadro RTX 6000` is a row of its own: first as it is written.
    candidates = (words, tuple(word for word in words if word != "quadro"))
    return next(filter(None, (_longest(vendor, candidate, board=board) for candidate in candidates)), None)


def newest_runtime(vendor: Vendor, driver: str) -> str | None:
    """Return the newest runtime that the branch of a driver implements, from the vendor's branch table."""
    try:
        branch = VendorVersion(driver).major
    except ValueError:
        return None
    return next((row.ceiling for row in vendor.driver_branches if row.branch == branch), None)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in _WORD.findall(text.lower()) if word not in _NOISE)


def _longest(vendor: Vendor, words: tuple[str, ...], *, board: bool) -> str | None:
    fitting: dict[int, set[str]] = {}
    for model in vendor.models:
        for name in map(_words, model.names):
            rest = words[len(name) :]
            if name and words[: len(name)] == name and (board or all(map(_SUFFIX.fullmatch, rest))):
                fitting.setdefault(len(name), set()).add(model.architecture)
    return _single(fitting[max(fitting)]) if fitting else None


def _of_beginning(vendor: Vendor, text: str) -> str | None:
    words = _words(text)
    if not text.endswith(" "):  # cut inside a word
        words = words[:-1]
    if not words:
        return None
    begun = {
        model.architecture for model in vendor.models for name in model.names if _words(name)[: len(words)] == words
    }
    return _single(begun)


def _single(architectures: set[str]) -> str | None:
    return next(iter(architectures)) if len(architectures) == 1 else None
