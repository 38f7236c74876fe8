"""The chosen combination written down: pins, requirements, indexes, base, devices, notes."""

from msgspec.structs import replace

from envkit.model.package_manager import PackageManager
from envkit.model.request import Mode
from envkit.model.reserved import ANY_VARIANT, CPU, DEFAULT_INDEX, WHEELHOUSE_INDEX
from envkit.model.resolution import Base, Chosen, PackageIndex
from envkit.resolve.additions import find_additions, find_constraints
from envkit.resolve.answer import Answer
from envkit.resolve.checks.visibility import settings_text, undoing
from envkit.resolve.combine import Combination
from envkit.resolve.devices import Accelerator
from envkit.resolve.options import Option, serves_vendor
from envkit.resolve.problem import Problem
from envkit.resolve.ranges import driver_range
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation


def make_chosen(answer: Answer, combination: Combination) -> Chosen:
    """Describe the combination that answers a request."""
    situation = answer.attempt.situation
    options = [part.option for part in combination.parts]
    vendor = situation.vendor_name
    own = [option for option in options if option.build.vendor == vendor]
    main = next((option for option in own if option.build.variant != ANY_VARIANT), (own or options)[0])
    requirements = [text for option in options for text in option.companions.requirements]
    return Chosen(
        candidate=combination.candidate,
        recipes=tuple(option.build.recipe for option in options),
        vendor=vendor,
        variant=main.build.variant,
        mode=combination.place.site.mode,
        python=combination.place.python,
        packages={package: version for option in options for package, version in sorted(option.pins.items())},
        requirements=tuple(dict.fromkeys((*requirements, *answer.problem.request.packages))),
        runtime=main.build.runtime if vendor != CPU else None,
        interpreter=combination.place.interpreter,
        indexes=_indexes(options),
        base=_base(combination.place, options, answer.problem),
        devices=tuple(sorted({device.index for device in situation.devices})),
        driver_range=driver_range(combination, situation),
        constraints=find_constraints(combination, situation),
        additions=find_additions(combination, situation),
        notes=(*_option_notes(options, situation), *_image_notes(combination.place, answer), *_device_notes(answer)),
    )


def _indexes(options: list[Option]) -> tuple[PackageIndex, ...]:
    indexes: dict[tuple[str, str], PackageIndex] = {}
    for option in options:
        for index in (*_own_index(option), *option.companions.route.indexes):
            known = indexes.get((index.name, index.url))
            packages = index.packages if known is None else (*known.packages, *index.packages)
            indexes[index.name, index.url] = replace(index, packages=tuple(dict.fromkeys(packages)))
    return tuple(indexes.values())


def _own_index(option: Option) -> tuple[PackageIndex, ...]:
    build = option.build
    if build.index == DEFAULT_INDEX or build.index_url is None:
        return ()
    flat = build.index == WHEELHOUSE_INDEX
    packages = tuple(option.pins) if flat else build.index_packages
    return (PackageIndex(name=build.index, url=build.index_url, packages=packages, flat=flat),)


def _base(place: Place, options: list[Option], problem: Problem) -> Base | None:
    if place.image is None:
        return None
    state = next((state for state in problem.availability.images if state.image == place.image), None)
    base = Base(
        image=place.image,
        os=place.site.os,
        digest=state.digest if state is not None else None,
        libc=place.site.libc.version if place.site.libc is not None else None,
        flavor=problem.request.flavor,
    )
    row = place.site.row
    if row is None:
        return base
    return replace(
        base,
        package_manager=row.package_manager,
        python_packages=tuple(name.replace("{python}", place.python) for name in row.python_packages),
        python_program=row.python_program.replace("{python}", place.python),
        libraries=() if row.compilers else _libraries(options, problem.matrix.package_manager(row.package_manager)),
        compilers=row.compilers,
        ensurepip=row.ensurepip,
        packages=row.packages,
    )


def _libraries(options: list[Option], manager: PackageManager | None) -> tuple[str, ...]:
    """Return the packages with the libraries that the recipes load, as far as the package manager's are known."""
    packages = {} if manager is None else manager.libraries
    files = {row.file for option in options for row in option.want.recipe.libraries}
    return tuple(sorted({packages[file] for file in files & packages.keys()}))


def _option_notes(options: list[Option], situation: Situation) -> tuple[str, ...]:
    notes: list[str] = []
    for option in options:
        build, title = option.build, option.want.recipe.title
        if situation.vendor_name == CPU and build.vendor not in {CPU, "unknown"}:
            notes.append(
                f"{option.name} is a build for {build.vendor}: it runs on the processor too, but is a much larger"
                " download; no processor build could be taken"
            )
        elif build.vendor == CPU != situation.vendor_name and build.variant != ANY_VARIANT:
            notes.append(f"{title} has no builds for {situation.title}: its processor build is used")
        notes += option.companions.notes
    return tuple(notes)


def _image_notes(place: Place, answer: Answer) -> tuple[str, ...]:
    """Tell what further packages mean on an image that brings its own."""
    further = answer.problem.request.packages
    if not place.site.packages or not further:
        return ()
    brought = ", ".join(sorted(place.site.packages))
    rule = f"what is installed for {', '.join(further)} goes before packages of the same names there"
    return (f"what {place.image} has beside {brought} is not known: {rule}",)


def _device_notes(answer: Answer) -> tuple[str, ...]:
    situation = answer.attempt.situation
    notes: list[str] = []
    if situation.vendor_name != CPU:
        for device in _of_interest(answer.unused, answer):
            vendor = device.device.vendor
            switch = f"--on {vendor}" if vendor != situation.vendor_name else f"--devices {device.index}"
            served = any(serves_vendor(want, vendor) for want in answer.wants)
            how = f"; `{switch}` uses it" if served else ": no recipe of the request has builds for it"
            if device.hidden:
                masks = answer.problem.facts.masks_of(vendor)
                how = f": {settings_text(masks)} hides it from this shell; {undoing(masks)} undoes that"
            notes.append(f"{answer.problem.vendor_title(vendor)} {device.label} is left unused{how}")
        notes += _unmasked_notes(situation)
    for device in _of_interest(answer.idle, answer):
        why = "it cannot be used as things are"
        if device.device.usable is not False:
            why = "the compatibility data does not know it as an accelerator"
        notes.append(f"{answer.problem.vendor_title(device.device.vendor)} {device.label} is left unused: {why}")
    return tuple(notes)


def _unmasked_notes(situation: Situation) -> tuple[str, ...]:
    """Tell who hides devices from the shell that a container uses them all the same."""
    facts, vendor = situation.problem.facts, situation.vendor_name
    visible = facts.visible(vendor)
    if situation.problem.mode is not Mode.CONTAINER or visible is None:
        return ()
    hidden = ", ".join(device.label for device in situation.devices if device.index not in visible)
    settings = settings_text(facts.masks_of(vendor))
    return (f"{settings} hides {hidden} from this shell, and not from the container",) if hidden else ()


def _of_interest(devices: tuple[Accelerator, ...], answer: Answer) -> tuple[Accelerator, ...]:
    """Keep the devices of the vendor that the request names, or all where it names none."""
    asked = answer.problem.request.on
    return tuple(device for device in devices if asked in {None, device.device.vendor})
