"""Device names and PCI ids looked up in the vendors' model tables."""

import re
from difflib import get_close_matches
from functools import lru_cache

from envkit.errors import UsageError
from envkit.model.host import Device
from envkit.model.vendor import DeviceModel, Vendor

_TOKEN = re.compile(r"[a-z0-9]+")


@lru_cache(maxsize=4096)
def _tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text.lower()))


def model_of_device(device: Device, vendor: Vendor) -> DeviceModel | None:
    """Return the model row of a device by PCI id, else by the longest model name that its name holds in whole words.

    Whole words keep `A10` and `A100` apart; the longest name keeps `RTX 4070 Ti SUPER` from being an `RTX 4070`.
    """
    if device.pci_id is not None:
        listed = [model for model in vendor.models if device.pci_id.lower() in model.pci_ids]
        if listed:
            return min(listed, key=lambda model: (model.architecture, model.names))
    wanted = _spaced(device.name or "")
    found = [(name, model) for model in vendor.models for name in model.names if _spaced(name) in wanted]
    return max(found, key=_preference)[1] if found else None


def find_model(text: str, vendors: tuple[Vendor, ...]) -> tuple[Vendor, DeviceModel, str]:
    """Return the vendor, the model row and the listed name that somebody means with `h100`, `rtx5090` or `mi300x`.

    A full name counts before its last words (`mi300x` for `Instinct MI300X`). Raises `UsageError` for an unknown or
    ambiguous name, with the nearest names.
    """
    wanted = "".join(_tokens(text))
    entries = sorted(
        ((vendor, model, name) for vendor in vendors for model in vendor.models for name in model.names),
        key=lambda entry: (entry[0].name, entry[2], entry[1].architecture),
    )
    for match in (_is_full_name, _is_ending):
        found = [entry for entry in entries if match(wanted, entry[0].name, entry[2])]
        if len({(vendor.name, model.architecture) for vendor, model, _ in found}) > 1:
            message = f"the device name is ambiguous: {text}"
            raise UsageError(message, hints=tuple(f"name it fully: `{name}`" for _, _, name in found))
        if found:
            return found[0]
    raise _unknown(text, tuple(name for _, _, name in entries))


@lru_cache(maxsize=8192)
def _spaced(text: str) -> str:
    """Return the words of a text, each between spaces, so that whole words are found by their letters."""
    return f" {' '.join(_tokens(text))} "


def _preference(match: tuple[str, DeviceModel]) -> tuple[int, tuple[str, ...], str]:
    name, model = match
    tokens = _tokens(name)
    return (len(tokens), tokens, model.architecture)


def _is_full_name(wanted: str, vendor: str, name: str) -> bool:
    joined = "".join(_tokens(name))
    return wanted in {joined, vendor + joined}


def _is_ending(wanted: str, _vendor: str, name: str) -> bool:
    tokens = _tokens(name)
    return any(wanted == "".join(tokens[start:]) for start in range(1, len(tokens)))


def _unknown(text: str, names: tuple[str, ...]) -> UsageError:
    lowered = {name.lower(): name for name in names}
    near = get_close_matches(text.lower(), lowered, n=3, cutoff=0.5)
    message = f"no vendor's table has this device: {text}"
    return UsageError(message, hints=tuple(f"did you mean `{lowered[name]}`?" for name in near))
