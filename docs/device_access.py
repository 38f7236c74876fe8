"""The table of how containers reach the devices of each vendor, made from the vendors' files."""

from collections.abc import Iterator

from envkit.model.access import AccessRow, AccessVariant
from envkit.model.matrix import Matrix
from envkit.model.vendor import Vendor

_HEAD = """
What a container gets for the devices of a vendor, by the tool that starts it. An engine gets the first that it knows:
their names in CDI, the vendor's runtime, or their nodes. Files are those that exist on the machine, groups go by their
numbers there. Nothing is ever `--privileged`: see [how a container reaches devices](../explanation/device-access.md).
"""
_COLUMNS = (
    "| vendor | CDI | runtime | nodes, groups and files | Apptainer | Kubernetes |\n"
    "|---|---|---|---|---|---|\n"
)  # fmt: skip


def page(matrix: Matrix) -> str:
    """Return the table with what has to be known to read it."""
    vendors = sorted(matrix.vendors, key=lambda vendor: vendor.name)
    rows = [row for vendor in vendors for row in _rows(vendor)]
    return _HEAD + "\n" + _COLUMNS + "".join(f"| {' | '.join(cell or '—' for cell in row)} |\n" for row in rows)


def _rows(vendor: Vendor) -> Iterator[tuple[str, ...]]:
    access = vendor.access
    if access is None:
        if vendor.kubernetes:
            yield (vendor.name, "", "", "", "", _kubernetes(vendor))
        return
    files = () if access.libraries else access.mounts
    nodes = (*access.common_nodes, *access.device_nodes)
    apptainer = _code(access.apptainer) or _binds(files)
    yield (
        vendor.name,
        _cdi(access),
        _runtime(access),
        _node_cell(nodes, access, files),
        apptainer,
        _kubernetes(vendor),
    )
    for variant in access.variants:
        yield _variant_row(vendor, access, variant)


def _variant_row(vendor: Vendor, access: AccessRow, variant: AccessVariant) -> tuple[str, ...]:
    title = f"{vendor.name}, {'WSL' if variant.wsl else ', '.join(variant.architectures)}"
    common = access.common_nodes if variant.common_nodes is None else variant.common_nodes
    own = access.device_nodes if variant.device_nodes is None else variant.device_nodes
    files = variant.mounts or ()
    runtime = _runtime(access) + (", always named" if variant.named_runtime else "")
    apptainer = _code(access.apptainer) or _binds(files)
    return (title, _cdi(access), runtime, _node_cell((*common, *own), access, files), apptainer, "")


def _cdi(access: AccessRow) -> str:
    return "" if access.cdi_kind is None else f"`{access.cdi_kind}=N`"


def _runtime(access: AccessRow) -> str:
    return "" if access.engine_runtime is None else f"`{access.engine_runtime}`"


def _node_cell(nodes: tuple[str, ...], access: AccessRow, files: tuple[str, ...]) -> str:
    if not nodes:
        return ""
    groups = f"; groups {_code(access.groups)}" if access.groups else ""
    user = f"; as user {access.user}" if access.user is not None else ""
    mounted = f"; files {_code(files)}" if files else ""
    return f"{_code(nodes)}{groups}{user}{mounted}"


def _binds(files: tuple[str, ...]) -> str:
    return "`--bind` of the files" if files else ""


def _kubernetes(vendor: Vendor) -> str:
    def written(row_text: str, architectures: tuple[str, ...], runtime_class: str | None) -> str:
        which = f" ({', '.join(architectures)})" if architectures else ""
        return f"`{row_text}`{which}" + (f", class `{runtime_class}`" if runtime_class else "")

    return "; ".join(written(row.resource, row.architectures, row.runtime_class) for row in vendor.kubernetes)


def _code(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)
