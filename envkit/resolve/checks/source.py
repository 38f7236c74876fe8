"""Rules about releases and where they come from: range, age, yanked and denied versions, extras, indexes, limits."""

from functools import lru_cache

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envkit.model.availability import IndexState
from envkit.model.recipe import AbsentRow, Denied
from envkit.model.request import Mode
from envkit.model.reserved import CPU, DEFAULT_INDEX, IMAGE_INDEX, WHEELHOUSE_INDEX
from envkit.resolve.builds import source_text
from envkit.resolve.checks.judgement import Gulf, Judgement, failed, passed, unknown
from envkit.resolve.options import Option
from envkit.resolve.problem import Want
from envkit.resolve.sites import Place
from envkit.resolve.situation import Limit, Situation
from envkit.resolve.versions import day_number, pins_exactly, python_number, within
from envkit.resolve.wheelhouse import UNKNOWN_VENDOR


def vendor(option: Option, situation: Situation) -> Judgement | None:
    """Require a build for the vendor; a processor build may stand beside one that is."""
    build = option.build
    if build.vendor == UNKNOWN_VENDOR:
        reason = f"what {option.name} was built for is not known; assumed {situation.vendor_name}"
        return unknown("vendor", reason, sources=(build.source,))
    if situation.vendor_name == CPU and build.vendor != CPU and not _runs_on_processor(option):
        title = situation.problem.vendor_title(build.vendor)
        row = absent_row(option.want, CPU)
        reason = f"{option.want.recipe.title} computes on accelerators only, this build on {title}"
        gulf = Gulf(seen="no accelerator in use", needed=f"a device of {title}", group=build.recipe)
        if row is not None:
            reason = f"{option.want.recipe.title} has no builds for the processor: {row.reason}"
            gulf = Gulf(seen=f"builds for {build.vendor}", needed="a build for the processor", group=build.recipe)
        return failed("vendor", reason, gulf, sources=(build.source,))
    if situation.vendor_name in {CPU, build.vendor} or (situation.served and build.vendor == CPU):
        return None
    row = absent_row(option.want, situation.vendor_name)
    reason = f"{option.want.recipe.title} has no builds for {situation.title}{f': {row.reason}' if row else ''}"
    gulf = Gulf(seen=f"builds for {build.vendor}", needed=f"a build for {situation.title}", group=build.recipe)
    return failed("vendor", reason, gulf, sources=(build.source,))


def _runs_on_processor(option: Option) -> bool:
    """Tell whether a build for an accelerator may compute on the processor: the one that everybody gets by default."""
    everyday = {DEFAULT_INDEX, IMAGE_INDEX, WHEELHOUSE_INDEX}
    return CPU in option.want.recipe.smoke.devices and option.build.index in everyday


def absent_row(want: Want, vendor_name: str) -> AbsentRow | None:
    """Return what is known about a recipe that has no builds for a vendor."""
    return next((row for row in want.recipe.absent if row.vendor == vendor_name), None)


def request_range(option: Option, _situation: Situation) -> Judgement | None:
    """Require a release in the range that was asked for."""
    asked = option.want.spec.range
    if not asked:
        return None
    if within(asked, _labelled(option, option.version)):
        return passed("request-range", f"{option.build.release} is in {asked}")
    gulf = Gulf(seen=asked, needed=f"{option.build.package} {option.build.release}", group=asked)
    return failed("request-range", f"the request asks for {asked}", gulf)


def release_age(option: Option, situation: Situation) -> Judgement | None:
    """Let a young release wait, unless the range pins it exactly or the user has laid it into a wheelhouse."""
    build = option.build
    if build.index == WHEELHOUSE_INDEX or pins_exactly(option.want.spec.range):
        return None
    days = situation.today - day_number(build.released)
    settle = situation.problem.matrix.foundations.settle_days
    if days >= settle:
        return None
    when = (
        f"less than {settle} days ago" if days >= 0 else f"after {situation.problem.request.as_of}, the day asked for"
    )
    reason = f"{build.release} was released {build.released}, {when}; `{_exact(option)}` asks for it"
    gulf = Gulf(seen=f"released {build.released}", needed=f"=={build.release}", group=build.release)
    return failed("release-age", reason, gulf, sources=(build.source,))


def only_index(option: Option, situation: Situation) -> Judgement | None:
    """Keep to the index that the request names, where it names one."""
    asked = situation.problem.request.only_index
    if asked is None:
        return None
    if option.build.index == asked:
        return passed("only-index", f"index `{asked}` was asked for")
    reason = f"the request takes builds from index `{asked}` alone, not from `{option.build.index}`"
    return failed("only-index", reason, Gulf(seen=f"`{asked}` alone", needed=f"`{option.build.index}`", group=asked))


def yanked(option: Option, _situation: Situation) -> Judgement | None:
    """Refuse a withdrawn release, unless the range pins it exactly."""
    build = option.build
    if build.yanked is None or pins_exactly(option.want.spec.range):
        return None
    gulf = Gulf(seen=f"{build.release} withdrawn", needed="a release that stands", group=build.release)
    return failed("yanked", f"{build.release} was withdrawn: {build.yanked}", gulf, sources=(build.source,))


def denied(option: Option, situation: Situation) -> Judgement | None:
    """Refuse what is on the deny list: main package, companions, or what the request adds."""
    recipe = option.want.recipe
    pins = option.pins if recipe.denied else {}
    for row in recipe.denied:
        version = pins.get(row.package)
        listed = version is not None and within(row.versions, version)
        if listed or _asks_for(row, situation.problem.request.packages):
            gulf = Gulf(seen=row.package, needed=f"no {row.package} {row.versions}".strip(), group=row.package)
            reason = f"`{row.package}{row.versions}` is denied: {row.reason}"
            return failed("denied", reason, gulf, sources=(source_text(recipe.sources, row.source),))
    return None


def extras(option: Option, _situation: Situation) -> Judgement | None:
    """Require every companion that an extra of the request names, for the release and variant."""
    missing = option.companions.missing
    if not missing:
        return None
    reason = f"no {' or '.join(missing)} is known for {option.name} from {option.build.index}"
    gulf = Gulf(seen=f"no {' or '.join(missing)}", needed=", ".join(missing), group=",".join(missing))
    return failed("extras", reason, gulf, sources=(option.build.source,))


def companion_index(option: Option, _situation: Situation) -> Judgement | None:
    """Require an index for every pinned companion that has builds for several runtimes."""
    if not option.companions.route.lost:
        return None
    reason = "; ".join(option.companions.route.lost)
    gulf = Gulf(seen=option.name, needed="a companion for the same runtime", group=reason)
    return failed("companion-index", reason, gulf, sources=(option.build.source,))


def index_availability(option: Option, situation: Situation) -> Judgement | None:
    """Refuse an index that is known to be out of reach."""
    build = option.build
    states = (situation.indexes.get(index.name) for index in option.companions.route.indexes)
    away = next((state for state in states if state is not None and not state.reachable), None)
    if away is not None:
        return _unreachable(away)
    if build.index == WHEELHOUSE_INDEX:
        return passed("index-availability", f"the wheel is a file in {build.index_url}", sources=(build.source,))
    state = situation.indexes.get(build.index)
    if state is None:
        if situation.problem.availability.offline or build.index == IMAGE_INDEX:
            return None
        return unknown("index-availability", f"whether index `{build.index}` has it was not asked yet")
    if state.reachable:
        return passed("index-availability", f"index `{build.index}` answers at {state.url}")
    return _unreachable(state)


def _unreachable(state: IndexState) -> Judgement:
    reason = f"index `{state.name}` is unreachable at {state.url}: {state.reason}"
    gulf = Gulf(
        seen=f"`{state.name}` unreachable: {state.reason}", needed=f"`{state.name}` at {state.url}", group=state.name
    )
    return failed("index-availability", reason, gulf)


def offline(option: Option, situation: Situation) -> Judgement | None:
    """Assume a cache for what is not in a wheelhouse where no index may be asked: nothing is known of caches here."""
    build = option.build
    if (
        not situation.problem.availability.offline
        or build.index in {IMAGE_INDEX, WHEELHOUSE_INDEX}
        or build.index in situation.indexes
    ):
        return None
    return unknown(
        "offline", f"index `{build.index}` is not asked while offline; assumed that a cache has {option.name}"
    )


def constraint(option: Option, place: Place, situation: Situation) -> Judgement | None:
    """Hold constraints and further packages of the request against the main package and its pinned companions."""
    applied: list[Limit] = []
    for limit in situation.limits:
        version = option.pins.get(limit.package)
        if version is None or not _applies(limit, place, situation):
            continue
        if not within(limit.range, _labelled(option, version)):
            reason = f"`{limit.text}` from {limit.origin} excludes {limit.package} {version}"
            gulf = Gulf(
                seen=f"`{limit.text}`", needed=f"{limit.package} {version}", group=f"{limit.origin} {limit.text}"
            )
            return failed("constraint", reason, gulf, facts=(limit.origin,))
        applied.append(limit)
    if not applied:
        return None
    texts = ", ".join(f"`{limit.text}` from {limit.origin}" for limit in applied)
    return passed("constraint", f"fits {texts}")


def refused(candidate: str, situation: Situation) -> Judgement | None:
    """Refuse a candidate that a later stage could not lock."""
    for refusal in situation.problem.availability.refusals:
        if refusal.candidate == candidate:
            gulf = Gulf(seen=refusal.reason, needed="packages that can be locked together", group=refusal.reason)
            return failed(refusal.rule, refusal.reason, gulf)
    return None


def _exact(option: Option) -> str:
    return f"{option.want.recipe.name}=={option.build.release}"


def _asks_for(row: Denied, packages: tuple[str, ...]) -> bool:
    """Tell whether a further package means the denied one: all versions of it are, or its version is left open."""
    if not packages:
        return False
    named = (_package_asked(text) for text in packages)
    return any(package == row.package and (any_version or not row.versions) for package, any_version in named)


@lru_cache(maxsize=1024)
def _package_asked(text: str) -> tuple[str, bool]:
    """Return the name of a further package, and whether its version is left open."""
    requirement = Requirement(text)
    return canonicalize_name(requirement.name), not requirement.specifier


def _labelled(option: Option, version: str) -> str:
    """Return a version with the label that the wheel will have: own indexes label theirs with the variant."""
    if option.build.index in {DEFAULT_INDEX, IMAGE_INDEX, WHEELHOUSE_INDEX} or "+" in version:
        return version
    label = option.build.variant if option.build.label is None else option.build.label
    return f"{version}+{label}" if label else version


def _applies(limit: Limit, place: Place, situation: Situation) -> bool:
    if limit.marker is None:
        return True
    major, minor = python_number(place.python)
    # All keys are given, so that the answer is about the place and not about the machine that asks.
    environment = {
        "implementation_name": "cpython",
        "implementation_version": f"{major}.{minor}.0",
        "os_name": "posix",
        "platform_machine": situation.problem.cpu_architecture,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{major}.{minor}.0" if place.site.mode is Mode.CONTAINER else place.python_version,
        "python_version": f"{major}.{minor}",
        "sys_platform": "linux",
    }
    return limit.marker.evaluate(environment)
