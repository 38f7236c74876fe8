"""`envkit build`: images of an environment, for this machine's engine, a registry, or an archive."""

import re
from pathlib import Path

import msgspec

from envkit.build.images import Delivery, deliver_image, join_platforms
from envkit.cli.asked import Asked
from envkit.cli.asking import Asking, read_asking
from envkit.cli.output import Output
from envkit.cli.planned import Placing, Planner, describe_savings, planned_inputs
from envkit.cli.reporter import CommandReporter
from envkit.engines import builders
from envkit.engines.labels import repository
from envkit.engines.makers import ImageMaker, image_maker
from envkit.engines.protocol import BuildContext
from envkit.errors import DataError, UsageError
from envkit.model.host import Cpu
from envkit.model.image_build import BuildReport, BuiltImage
from envkit.model.plan import Plan
from envkit.model.request import Mode, Request
from envkit.model.value import to_json
from envkit.plan import image_platform, platform_architecture
from envkit.project.lock_inputs import ProfileInput
from envkit.system.directories import ensure_directory
from envkit.system.registry_names import parse_reference

_PROFILE = "{profile}"
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_.-]+")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the command, as they were typed."""

    placing: Placing
    tags: tuple[str, ...] = ()
    builder: str | None = None
    push: bool = False
    output: str | None = None
    platforms: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    provenance: bool = False
    documents: str | None = None
    fresh: bool = False
    assume_yes: bool = False
    as_json: bool = False


def build_images(output: Output, asked: Asked, wanted: Wanted) -> int:
    """Build an image of each profile and platform; returns the exit status."""
    wanted.placing.check()
    where, path = parse_output(wanted.output, push=wanted.push)
    for tag in wanted.tags:
        _check_tag(tag)
    asking = read_asking(asked)
    with CommandReporter(output, "build", assume_yes=wanted.assume_yes) as reporter:
        inputs = planned_inputs(asking, wanted.placing, _container)
        _check(wanted, inputs, where, offline=asking.sources.offline)
        # What cannot be written is to be known before minutes of building.
        for directory in (None if path is None else Path(path).parent, _documents(wanted)):
            if directory is not None:
                ensure_directory(directory, mode=0o755)
        planner = Planner(asking, wanted.placing, reporter)
        plans = {each.name: _plans(each, wanted.platforms, planner) for each in inputs}
        savings = describe_savings(tuple(plan for made in plans.values() for plan in made))
        for sentence in savings:
            reporter.stage("Saved", sentence)
        maker = image_maker(asked.engine, where)
        images: list[BuiltImage] = []
        indexes: dict[str, str] = {}
        for name, made in plans.items():
            tags = image_tags(wanted.tags, made[0], several=len(plans) > 1)
            context = _context(asking, wanted, reporter)
            built = _build(maker, made, tags, _Output(where, path), wanted, context)
            images += built
            for image in built:
                reporter.stage("Built", f"{name}: {_described(image, where)}")
            if len(made) > 1:
                indexes |= {tag: join_platforms(tag, built, context) for tag in tags}
                for tag in tags:
                    reporter.stage("Joined", f"{tag} for {' '.join(wanted.platforms)}: {indexes[tag]}")
    report = BuildReport(images=tuple(images), indexes=indexes, savings=savings)
    output.data(
        to_json(report) if wanted.as_json else "\n".join(_line(image) for image in images if _is_kept(image, where))
    )
    return 0


class _Output(msgspec.Struct, frozen=True):
    where: builders.Output
    path: str | None


def parse_output(text: str | None, *, push: bool) -> tuple[builders.Output, str | None]:
    """Read `engine`, `none`, `oci=FILE`, `docker=FILE`, or buildx's `type=oci,dest=FILE`; raises `UsageError`.

    What is pushed goes nowhere else unless that is asked for.
    """
    if text is None:
        return (builders.Output.NONE if push else builders.Output.ENGINE), None
    fields = dict(part.partition("=")[::2] for part in text.split(","))
    kind, path = (fields.get("type", ""), fields.get("dest", "")) if "type" in fields else text.partition("=")[::2]
    known = {each.value for each in builders.Output}
    archive = kind in {"oci", "docker"}
    if kind not in known or archive != bool(path):
        raise UsageError(f"`--output` takes `engine`, `none`, `oci=FILE` or `docker=FILE`: {text}")
    return builders.Output(kind), str(Path(path).expanduser().absolute()) if path else None


def image_tags(asked: tuple[str, ...], plan: Plan, *, several: bool) -> tuple[str, ...]:
    """Return the tags of a profile's image; `{profile}` in what was asked stands for its name."""
    word = _NOT_IN_TAGS.sub("-", plan.profile or "latest").strip("-.") or "latest"
    tags = tuple(tag.replace(_PROFILE, word) for tag in asked) or (
        f"{repository(plan.name)}:{word if several else 'latest'}",
    )
    return tuple(tag if parse_reference(tag).tag else f"{tag}:latest" for tag in tags)


def _check_tag(tag: str) -> None:
    """Raise `UsageError` for what is no name of an image, or names one by its digest."""
    try:
        reference = parse_reference(tag.replace(_PROFILE, "profile"))
    except DataError as error:
        raise UsageError(error.message, facts=error.facts, hints=("--tag registry.example.com/name:1",)) from error
    if reference.digest is not None:
        raise UsageError(f"a tag has no digest: {tag}")


def _documents(wanted: Wanted) -> Path | None:
    return None if wanted.documents is None else Path(wanted.documents).expanduser().absolute()


def _container(_: Request) -> Mode:
    return Mode.CONTAINER


def _check(wanted: Wanted, inputs: tuple[ProfileInput, ...], where: builders.Output, *, offline: bool) -> None:
    if len(inputs) > 1 and wanted.tags and not all(_PROFILE in tag for tag in wanted.tags):
        name = wanted.tags[0].rpartition(":")[0] or wanted.tags[0]
        raise UsageError("several profiles cannot have one tag", hints=(f"--tag {name}:{_PROFILE}",))
    archive = where in {builders.Output.OCI, builders.Output.DOCKER}
    if archive and (len(inputs) > 1 or len(wanted.platforms) > 1):
        raise UsageError("an archive holds one image: name one `--profile` and one `--platform`")
    if wanted.push and offline:
        raise UsageError("`--push` reaches a registry: it cannot be used with `--offline`")
    if len(wanted.platforms) > 1 and not wanted.push:
        raise UsageError("images of several platforms are joined in a registry: add `--push`")


def _plans(each: ProfileInput, platforms: tuple[str, ...], planner: Planner) -> tuple[Plan, ...]:
    """Return the plan of a profile for each platform that was named, else for that of its machine."""
    plans = tuple(planner.plan(_on_platform(each, platform)) for platform in platforms) or (planner.plan(each),)
    for plan, platform in zip(plans, platforms, strict=False):
        if plan.platform != platform:
            raise UsageError(
                f"the profile is locked for `{plan.platform}`, not for: {platform}",
                hints=("a profile of its own in `envkit.yaml`, with a target of this platform",),
            )
    return plans


def _on_platform(each: ProfileInput, platform: str) -> ProfileInput:
    architecture = platform_architecture(platform)
    if image_platform(each.facts) == platform:
        return each
    cpu = Cpu(architecture=architecture)
    return msgspec.structs.replace(each, facts=msgspec.structs.replace(each.facts, cpu=cpu))


def _build(
    maker: ImageMaker,
    plans: tuple[Plan, ...],
    tags: tuple[str, ...],
    output: _Output,
    wanted: Wanted,
    context: BuildContext,
) -> tuple[BuiltImage, ...]:
    built = []
    for plan in plans:
        own = tags if len(plans) == 1 else tuple(f"{tag}-{plan.platform.rpartition('/')[2]}" for tag in tags)
        delivery = Delivery(
            tags=own,
            output=output.where,
            path=output.path,
            push=wanted.push,
            cache_from=wanted.cache_from,
            cache_to=wanted.cache_to,
            provenance=wanted.provenance,
            documents=_documents(wanted),
        )
        built.append(deliver_image(maker, plan, context, delivery))
    return tuple(built)


def _context(asking: Asking, wanted: Wanted, reporter: CommandReporter) -> BuildContext:
    return BuildContext(
        sources=asking.sources,
        log=reporter.new_log(),
        fresh=wanted.fresh,
        terminal=reporter.terminal,
        builder=wanted.builder,
        progress=reporter.progress,
        note=reporter.note,
    )


def _is_kept(image: BuiltImage, where: builders.Output) -> bool:
    return image.pushed or where is not builders.Output.NONE


def _described(image: BuiltImage, output: builders.Output) -> str:
    stored = "in the engine's store" if output is builders.Output.ENGINE else "kept nowhere but in the builder's cache"
    where = "pushed" if image.pushed else image.archive or stored
    known = ", ".join(document.name for document in image.documents)
    how = "attached" if any(document.attached for document in image.documents) else "beside it"
    return f"{image.platform}, {image.variant}, {' '.join(image.tags)} ({where}); {known} {how}"


def _line(image: BuiltImage) -> str:
    """Return what a script wants: the image by digest where it was pushed, else its archive or its tag."""
    if image.pushed and image.digest is not None:
        return f"{parse_reference(image.tags[0]).name}@{image.digest}"
    return image.archive or image.tags[0]
