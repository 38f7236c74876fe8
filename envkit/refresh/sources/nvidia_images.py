"""The condition in the configurations of NVIDIA's CUDA images, `NVIDIA_REQUIRE_CUDA`: which drivers start them."""

import re
from fnmatch import fnmatchcase

import msgspec

from envkit.errors import DataError, NetworkError
from envkit.model.host import Gap
from envkit.model.value import Value
from envkit.model.vendor import AdmissionRow, Vendor
from envkit.model.version import VendorVersion
from envkit.refresh.changes import Change
from envkit.refresh.sources import Observed, SourceRefreshed
from envkit.refresh.upstream import ImageRow, PageReader, UpstreamRow, unexpected

_RUNTIME = re.compile(r"cuda>=(\d{1,3}\.\d{1,3})", re.ASCII)
_BRAND = re.compile(r"brand=([a-z]{1,40}),driver>=(\d{1,4}),driver<(\d{1,4})", re.ASCII)


class Condition(Value):
    """What one image wants of the driver."""

    tag: str
    runtime: str  # the driver implements it itself
    brands: dict[str, tuple[int, ...]] = {}  # or it is of one of these branches, with devices of the brand


def refresh(reader: PageReader, row: UpstreamRow, vendor: Vendor) -> SourceRefreshed[Vendor]:
    """Return the vendor with rows of images that had none; raises `DataError`, and `NetworkError` for no answer."""
    images = row.images
    if images is None:
        raise DataError(f"the source does not say which images it is about, field missing: `images` of {row.name}")
    gaps: list[Gap] = []
    conditions: dict[str, Condition] = {}
    for minor, tag in newest_tags(reader.tags(row.url), images.tags).items():
        try:
            text = reader.environment(f"{row.url}:{tag}", images.platform).get(images.variable)
            if text is None:
                raise unexpected(f"no `{images.variable}` in", tag, row.url)
            conditions[minor] = parse_condition(text, tag, row.url)
        except (DataError, NetworkError) as error:
            gaps.append(Gap(fact=f"admission of {images.name}:{tag}", source=row.url, reason=error.message))
    if not conditions:
        facts = tuple(gap.reason for gap in gaps)
        raise NetworkError(f"no image tells under which drivers it starts: {row.url}", facts=facts)
    admissions, changes = _merged(vendor.admissions, conditions, images, row.dates)
    document = msgspec.structs.replace(vendor, admissions=admissions)
    observed = tuple(_observed(minor, condition, images) for minor, condition in conditions.items())
    return SourceRefreshed(document, observed, tuple(changes), tuple(gaps))


def newest_tags(tags: tuple[str, ...], pattern: str) -> dict[str, str]:
    """Return the newest tag of each minor version, newest first: {12.8: 12.8.1-base-ubuntu24.04}.

    `pattern` has `{version}` for three numbers, and `*` for any part.
    """
    literal = (
        re.escape(pattern).replace(re.escape("{version}"), r"(\d{1,3}\.\d{1,3})\.(\d{1,3})").replace(r"\*", "(.*)")
    )
    found: dict[str, tuple[tuple[VendorVersion, VendorVersion, str], str]] = {}
    for tag in tags:
        match = re.fullmatch(literal, tag, re.ASCII)
        if match is not None:
            key = (VendorVersion(match[1]), VendorVersion(match[2]), "".join(match.groups()[2:]))
            found[match[1]] = max(found.get(match[1], (key, tag)), (key, tag))
    return {minor: found[minor][1] for minor in sorted(found, key=VendorVersion, reverse=True)}


def parse_condition(text: str, tag: str, url: str) -> Condition:
    """Read a condition: alternatives with spaces between them, each of parts with commas.

    `cuda>=12.8 brand=tesla,driver>=535,driver<536`: raises `DataError` for a part of another form, since what it would
    admit is not known.
    """
    runtimes: list[str] = []
    brands: dict[str, tuple[int, ...]] = {}
    for part in text.split():
        runtime, brand = _RUNTIME.fullmatch(part), _BRAND.fullmatch(part)
        if runtime is not None:
            runtimes.append(runtime[1])
        elif brand is not None and int(brand[3]) == int(brand[2]) + 1:
            brands[brand[1]] = (*brands.get(brand[1], ()), int(brand[2]))
        else:
            raise unexpected(f"in the condition of {tag}", part, url)
    if len(runtimes) != 1:
        raise unexpected(f"the condition of {tag} names {len(runtimes)} runtimes:", text, url)
    ordered = {name: tuple(sorted(set(branches))) for name, branches in sorted(brands.items())}
    return Condition(tag=tag, runtime=runtimes[0], brands=ordered)


def _row(minor: str, condition: Condition, images: ImageRow, source: str) -> tuple[AdmissionRow, list[str]]:
    """Return the row of images with a condition, and what it cannot say."""
    by_category: dict[str, set[int]] = {}
    unknown: list[str] = []
    for brand, branches in condition.brands.items():
        category = images.brands.get(brand)
        if category is None:
            unknown.append(f"brand `{brand}` is not known here: add it to `images.brands` of the source")
        elif category:
            by_category.setdefault(category, set()).update(branches)
    every = set().union(*by_category.values())
    whole = [name for name in dict.fromkeys(images.brands.values()) if by_category.get(name) == every and every]
    unknown += [
        f"{name} devices are admitted under fewer branches, {_list(branches)}: the row leaves them out"
        for name, branches in by_category.items()
        if name not in whole
    ]
    row = AdmissionRow(
        images=f"{images.name}:{minor}.*",
        source=source,
        runtime=condition.runtime,
        branches=tuple(sorted(every)) if whole else (),
        categories=tuple(whole),
    )
    return row, unknown


def _merged(
    known: tuple[AdmissionRow, ...], conditions: dict[str, Condition], images: ImageRow, source: str
) -> tuple[tuple[AdmissionRow, ...], list[Change]]:
    rows = list(known)
    changes: list[Change] = []
    for minor, condition in conditions.items():
        made, unknown = _row(minor, condition, images, source)
        name = f"{images.name}:{minor}"
        changes += [Change(kind="curate", release=name, text=text) for text in unknown]
        ours = _covering(known, f"{images.name}:{condition.tag}")
        if ours is None:
            rows.append(made)
            changes.append(Change(kind="admission", release=name, text=f"new, {_text(made)}, of {condition.tag}"))
        elif _key(ours) != _key(made):
            text = (
                f"`{ours.images}` disagrees: the row has {_text(ours)}, {condition.tag} {_text(made)}; the row is kept"
            )
            changes.append(Change(kind="conflict", release=name, text=text, loud=True))
    return tuple(sorted(rows, key=_order)), changes


def _covering(rows: tuple[AdmissionRow, ...], image: str) -> AdmissionRow | None:
    """Return the row that the resolver takes for an image, None where none says under which drivers it starts."""
    fitting = [row for row in rows if row.runtime is not None and fnmatchcase(image, row.images)]
    return max(fitting, key=lambda row: len(row.images), default=None)


def _key(row: AdmissionRow) -> tuple[str | None, frozenset[int], frozenset[str]]:
    return row.runtime, frozenset(row.branches), frozenset(row.categories)


def _order(row: AdmissionRow) -> tuple[bool, VendorVersion]:
    return row.runtime is not None, VendorVersion(row.runtime or "0")


def _text(row: AdmissionRow) -> str:
    branches = _list(set(row.branches)) or "none"
    return f"drivers for {row.runtime} or of branches {branches} with {' and '.join(row.categories) or 'no'} devices"


def _list(branches: set[int]) -> str:
    return ", ".join(str(branch) for branch in sorted(branches))


def _observed(minor: str, condition: Condition, images: ImageRow) -> Observed:
    brands = [f"{brand}: {_list(set(branches))}" for brand, branches in condition.brands.items()]
    return Observed(name=f"{images.name}:{minor}", values=(condition.tag, condition.runtime, *brands))
