"""`envkit cdi generate`: a CDI specification of a vendor's devices."""

import shlex
from pathlib import Path
from typing import Literal

from envkit.cli.hostfile import live_facts, read_host
from envkit.cli.output import Output
from envkit.data import load_vendor
from envkit.errors import DeviceMissingError, StorageError, UsageError
from envkit.model.host import HostFacts
from envkit.model.value import to_json
from envkit.setup.cdi import make_specification
from envkit.system.directories import storage_error
from envkit.system.files import write_atomically
from envkit.system.live import LiveHost

Form = Literal["json", "yaml"]
_JSON = ".json"
_YAML = ".yaml"


def generate_specification(
    output: Output, *, vendor: str | None, host: str | None, file: str | None, form: str | None
) -> int:
    """Print a specification, or write it to a file."""
    chosen = _form(form, file)
    facts = live_facts() if host is None else read_host(host)
    name = vendor if vendor is not None else _only_vendor(facts)
    written = make_specification(facts, load_vendor(name), LiveHost() if host is None else None)
    for note in written.notes:
        output.line(f"note: {note}")
    text = to_json(written.specification)
    if chosen == "yaml":
        from envkit.data.canonical import yaml_text

        text = yaml_text(written.specification)
    if file is None:
        output.data(text)
        return 0
    _write(Path(file), text, name)
    output.line(f"written: {file}")
    return 0


def _form(form: str | None, file: str | None) -> Form:
    if file is not None and not file.endswith((_JSON, _YAML)):
        raise UsageError(f"engines read specifications whose name ends in `.json` or `.yaml`: {file}")
    implied: Form = "yaml" if file is not None and file.endswith(_YAML) else "json"
    match form:
        case None:
            return implied
        case "json" | "yaml":
            if file is not None and form != implied:
                raise UsageError(f"the name of the file says {implied}, and `--format` {form}: {file}")
            return form
        case _:
            raise UsageError(f"`--format` is `json` or `yaml`: {form}")


def _only_vendor(facts: HostFacts) -> str:
    vendors = tuple(dict.fromkeys(device.vendor for device in facts.devices or ()))
    if not vendors:
        raise DeviceMissingError("no accelerator was detected", hints=("envkit detect",))
    if len(vendors) > 1:
        raise UsageError(
            f"this host has devices of several vendors, and a specification is of one: {', '.join(vendors)}",
            hints=tuple(f"envkit cdi generate --vendor {vendor}" for vendor in vendors),
        )
    return vendors[0]


def _write(path: Path, text: str, vendor: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text, mode=0o644)
    except OSError as error:
        failure = storage_error(error, path.parent, "cannot make the folder")
        raise StorageError(failure.message, hints=_hints(path, vendor)) from error
    except StorageError as error:
        raise StorageError(error.message, facts=error.facts, hints=_hints(path, vendor)) from error


def _hints(path: Path, vendor: str) -> tuple[str, ...]:
    target, folder = shlex.quote(str(path)), shlex.quote(str(path.parent))
    form = " --format yaml" if path.suffix == _YAML else ""
    return (
        f"sudo mkdir -p {folder}",
        f"envkit cdi generate --vendor {vendor}{form} | sudo tee {target} >/dev/null",
    )
