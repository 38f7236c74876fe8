"""From what was typed to a wish, together with the project file that holds here."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from envkit.cli.asked import Asked
from envkit.cli.checks import check_image, check_package, check_python, check_recipe
from envkit.cli.hostfile import read_host
from envkit.data import load_mirrors
from envkit.data.settings import load_settings
from envkit.errors import UsageError
from envkit.model.host import HostFacts
from envkit.model.request import Allowance, Flavor, Mode, Request, Spec
from envkit.model.sources import PackageSources
from envkit.model.text import check_text
from envkit.model.value import Value
from envkit.project.checks import check_name, check_system
from envkit.project.mounts import check_sources, parse_mount
from envkit.project.profiles import fitting_profile, profile_misfit
from envkit.project.reading import ProjectFile, current_directory, read_project
from envkit.project.wishes import ProfileWish, Typed, profile_facts, profile_wish
from envkit.resolve.spec import parse_doubt, parse_spec
from envkit.system.sources import read_sources


class Asking(Value):
    """What was asked for, before it is known which machine it is for."""

    file: ProjectFile | None
    typed: Typed
    sources: PackageSources
    profile: str | None = None  # as typed

    def wish(self, profile: str | None) -> ProfileWish:
        """Return what a profile asks for, or the settings outside of profiles; raises as `profile_wish` does."""
        return profile_wish(self.file, profile, self.typed, self.sources)

    def wish_for(self, facts: HostFacts) -> ProfileWish:
        """Return what is asked for on a machine: with the profile that was typed, else with the first that fits it.

        Its notes say which profile that is, and why. Raises as `profile_wish` does.
        """
        if self.file is None or not self.file.project.profiles:
            return self.wish(self.profile)
        if self.profile is None:
            fitting = fitting_profile(self.file, self._made_on(facts), read_host)
            wished = self.wish(None if fitting is None else fitting.profile)
            notes = () if fitting is None else (fitting.reason,)
        else:
            wished = self.wish(self.profile)
            misfit = profile_misfit(self.file, self.profile, self._made_on(facts), read_host)
            notes = () if misfit is None else (f"profile `{self.profile}` {misfit}",)
        return ProfileWish(wish=wished.wish, notes=(*notes, *wished.notes))

    def _made_on(self, facts: HostFacts) -> HostFacts:
        """Return the facts of the machine that environments are made on, which may be that of a daemon elsewhere."""
        if self.typed.request.mode is Mode.NATIVE:
            return facts
        usable = (engine.name for engine in facts.engines or () if engine.usable)
        return facts.for_engine(self.typed.request.engine or next(usable, None))

    def named_facts(self) -> HostFacts | None:
        """Return the machine that the profile which was typed is for; None: none was typed, or it names none."""
        if self.file is None or self.profile is None:
            return None
        return profile_facts(self.file, self.profile, read_host)


def read_asking(asked: Asked) -> Asking:
    """Check what was typed and read the project file that holds; raises `UsageError` and `DataError`.

    What is wrong whatever the machine is comes to light here, before anything is looked at.
    """
    file = read_project(asked.project)
    asking = Asking(file=file, typed=make_typed(asked), sources=make_sources(asked, file), profile=asked.profile)
    if asked.profile is not None or file is None or not file.project.profiles:
        asking.wish(asked.profile)
    return asking


def make_typed(asked: Asked) -> Typed:
    """Check what was typed, without any project; raises `UsageError`."""
    if asked.python is not None:
        check_python(asked.python)
    for package in asked.packages:
        check_package(package)
    request = Request(
        specs=tuple(_spec(text) for text in asked.specs),
        as_of=datetime.now(UTC).date().isoformat(),
        python=asked.python,
        on=asked.on.lower() if asked.on else None,
        devices=parse_devices(asked.devices),
        mode=_mode(asked),
        engine="native" if asked.native else asked.engine,
        packages=asked.packages,
        name=_name(asked.name),
        allow=parse_allowances(asked.allow),
        only_index=asked.only_index,
        base_image=None if asked.base_image is None else check_image(asked.base_image),
        os=None if asked.os is None else _system(asked.os),
        why_not=None if asked.why_not is None else parse_doubt(asked.why_not),
    )
    mounts = tuple(parse_mount(text, current_directory()) for text in asked.mounts)
    check_sources(mounts)
    return Typed(request=request, flavor=_flavor(asked.flavor), mounts=mounts)


def make_sources(asked: Asked, file: ProjectFile | None) -> PackageSources:
    """Read the package sources that are configured on this machine; raises `UsageError` and `DataError`."""
    sources = read_sources(
        os.environ,
        home=str(Path.home()),
        wheelhouses=asked.wheelhouses,
        project=None if file is None else file.project.sources,
        settings=load_settings(),
        offline=asked.offline,
    )
    if sources.mirrors:
        from envkit.project.mirrors import check_places

        check_places(sources, load_mirrors())
    return sources


def parse_devices(text: str | None) -> tuple[int, ...] | None:
    """Parse `0,2` into device indices; raises `UsageError`."""
    if text is None or text == "all":
        return None
    try:
        indices = tuple(int(part) for part in text.split(","))
    except ValueError:
        indices = (-1,)
    if any(index < 0 for index in indices) or len(set(indices)) != len(indices):
        raise UsageError(f"`--devices` takes indices as `envkit detect` shows them, such as `0,1`, or `all`: {text}")
    return tuple(sorted(indices))


def parse_allowances(texts: tuple[str, ...]) -> tuple[Allowance, ...]:
    """Read what is allowed, each once and in one order; raises `UsageError`."""
    known = {allowance.value for allowance in Allowance}
    for text in texts:
        if text not in known:
            raise UsageError(f"`--allow` takes {' or '.join(f'`{name}`' for name in sorted(known))}: {text}")
    return tuple(sorted({Allowance(text) for text in texts}))


def _spec(text: str) -> Spec:
    spec = parse_spec(text)
    check_recipe(spec.recipe)
    return spec


def _name(text: str | None) -> str | None:
    if text is None:
        return None
    problem = check_name(check_text(text, "the environment's name"))
    if problem is not None:
        raise UsageError(problem)
    return text


def _system(text: str) -> str:
    problem = check_system(text)
    if problem is not None:
        raise UsageError(problem)
    return text


def _flavor(text: str | None) -> Flavor | None:
    known: tuple[Flavor, ...] = get_args(Flavor)
    found = next((name for name in known if name == text), None)
    if text is not None and found is None:
        raise UsageError(f"`--flavor` takes {' or '.join(f'`{name}`' for name in known)}: {text}")
    return found


def _mode(asked: Asked) -> Mode | None:
    if asked.native and (asked.container or asked.engine not in (None, "native")):
        raise UsageError("`--native` cannot be used with `--container` or `--engine`")
    native = asked.native or asked.engine == "native"
    for flag, value in (("--base-image", asked.base_image), ("--os", asked.os), ("--flavor", asked.flavor)):
        if native and value is not None:
            raise UsageError(f"`{flag}` is for containers: it cannot be used with a native environment")
    if native:
        return Mode.NATIVE
    if asked.base_image is not None and asked.os is not None:
        raise UsageError("`--base-image` and `--os` both decide the system of the container: give one")
    wanted = asked.container or asked.engine is not None or asked.base_image is not None
    return Mode.CONTAINER if wanted else None
