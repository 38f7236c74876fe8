"""NVIDIA's list of data-centre drivers, `releases.json`: the kind of each branch and its newest version."""

import re

import msgspec

from envkit.model.address import display_url
from envkit.model.host import Gap
from envkit.model.value import DECODING
from envkit.model.vendor import DriverBranch, Vendor
from envkit.model.version import VendorVersion
from envkit.refresh.changes import Change
from envkit.refresh.sources import Observed, SourceRefreshed
from envkit.refresh.upstream import PageReader, UpstreamRow, unexpected

_KINDS = {"lts branch": "LTSB", "production branch": "PB", "new feature branch": "NFB"}
_BRANCH = re.compile(r"[0-9]{3,4}", re.ASCII)
_VERSION = re.compile(r"[0-9]{3,4}(\.[0-9]{1,4}){1,2}", re.ASCII)


class _Driver(msgspec.Struct):
    release_version: str


class _Branch(msgspec.Struct):
    type: str
    driver_info: list[_Driver]


class _Seen(msgspec.Struct, frozen=True):
    kind: str | None  # None: the list has a word for it that is not known here
    newest: str


def refresh(reader: PageReader, row: UpstreamRow, vendor: Vendor) -> SourceRefreshed[Vendor]:
    """Return the vendor with the newest version of each known branch; raises as `PageReader.text`, and `DataError`."""
    answer = _decoded(reader.text(row.url), row.url)
    seen = {int(name): _seen(name, branch, row.url) for name, branch in answer.items() if branch.driver_info}
    known = {branch.branch: branch for branch in vendor.driver_branches}
    changes = [_unknown(number, one) for number, one in seen.items() if number not in known]
    gaps = [
        Gap(fact=f"R{name} kind", source=display_url(row.url), reason=f"a type that is not known here: {branch.type}")
        for name, branch in answer.items()
        if branch.type.lower() not in _KINDS
    ]
    branches: list[DriverBranch] = []
    for branch in vendor.driver_branches:
        one = seen.get(branch.branch)
        branches.append(branch if one is None else _merged(branch, one))
        changes += [] if one is None else _differences(branch, one)
    document = msgspec.structs.replace(vendor, driver_branches=tuple(branches))
    return SourceRefreshed(document, _observed(seen), tuple(changes), tuple(gaps))


def _decoded(text: str, url: str) -> dict[str, _Branch]:
    try:
        with DECODING:
            answer = msgspec.json.decode(text, type=dict[str, _Branch])
    except (msgspec.DecodeError, RecursionError) as error:
        raise unexpected("no list of branches:", str(error), url) from error
    if not answer:
        raise unexpected("no branches:", text, url)
    for name in answer:
        if not _BRANCH.fullmatch(name):
            raise unexpected("a branch", name, url)
    return answer


def _seen(name: str, branch: _Branch, url: str) -> _Seen:
    versions = [driver.release_version.strip() for driver in branch.driver_info]
    for version in versions:
        if not _VERSION.fullmatch(version) or not version.startswith(f"{name}."):
            raise unexpected(f"in branch {name} the version", version, url)
    return _Seen(kind=_KINDS.get(branch.type.lower()), newest=max(versions, key=VendorVersion))


def _unknown(number: int, one: _Seen) -> Change:
    text = f"in the list and not in the data, newest {one.newest}: its CUDA is not in the list, add a row by hand"
    return Change(kind="curate", release=f"R{number}", text=text)


def _merged(branch: DriverBranch, one: _Seen) -> DriverBranch:
    """Fill what is not known, and take a newer newest version; the list drops old ones at times."""
    newer = branch.newest is None or VendorVersion(one.newest) > VendorVersion(branch.newest)
    newest = one.newest if newer else branch.newest
    return msgspec.structs.replace(branch, kind=branch.kind or one.kind, newest=newest)


def _differences(branch: DriverBranch, one: _Seen) -> list[Change]:
    name = f"R{branch.branch}"
    merged = _merged(branch, one)
    changes: list[Change] = []
    if merged.newest != branch.newest:
        text = f"newest driver {branch.newest or 'not known'} → {merged.newest}"
        changes.append(Change(kind="driver-branch", release=name, text=text))
    if merged.kind != branch.kind:
        changes.append(Change(kind="driver-branch", release=name, text=f"kind not known → {merged.kind}"))
    elif one.kind is not None and one.kind != branch.kind:
        text = f"`kind` disagrees: the row has {branch.kind}, the list {one.kind}; the row is kept"
        changes.append(Change(kind="conflict", release=name, text=text, loud=True))
    return changes


def _observed(seen: dict[int, _Seen]) -> tuple[Observed, ...]:
    rows = sorted(seen.items(), reverse=True)
    return tuple(Observed(name=f"R{number}", values=(one.kind or "unknown", one.newest)) for number, one in rows)
