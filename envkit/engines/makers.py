"""Who builds images that are not started: an engine of this machine, or a builder without any."""

from typing import Protocol, cast

from envkit.detect.engines import detect_engines
from envkit.detect.probe_state import kept_host
from envkit.engines import load_engine
from envkit.engines.builders import Builder, ImageResult, ImageWish, Output
from envkit.engines.builders.choice import choose_builder
from envkit.engines.ladder import usable_engines
from envkit.engines.protocol import BuildContext
from envkit.errors import EngineNotReadyError, UsageError
from envkit.model.plan import Plan


class ImageMaker(Protocol):
    """What builds images: an engine, or a builder alone."""

    def choose_builder(self, context: BuildContext) -> Builder:
        """Return the builder for a context; raises `EngineNotReadyError`."""

    def build_image(self, builder: Builder, plan: Plan, context: BuildContext, wish: ImageWish) -> ImageResult:
        """Build an image, into the engine's store where the wish says so."""


class _BuilderAlone:
    """Builds without an engine: for registries and archives."""

    def choose_builder(self, context: BuildContext) -> Builder:
        return choose_builder(context.builder, None, context.note)

    def build_image(self, builder: Builder, plan: Plan, context: BuildContext, wish: ImageWish) -> ImageResult:
        return builder.build(plan, context, wish)


def image_maker(engine: str | None, output: Output) -> ImageMaker:
    """Return the engine of this name, or the best one here, or none where the image goes elsewhere.

    Raises `EngineNotReadyError` where an image is to go into an engine's store and no engine can be used.
    """
    found = detect_engines(kept_host()) or ()
    usable = usable_engines(found)
    if engine is not None and engine not in usable:
        reasons = tuple(f"{each.name}: {each.reason or 'cannot be used'}" for each in found if not each.usable)
        if engine not in {each.name for each in found}:
            raise UsageError(f"no such engine was found on this machine: {engine}", hints=tuple(map(_flag, usable)))
        raise EngineNotReadyError(f"the engine cannot be used: {engine}", facts=reasons)
    name = engine or next(iter(usable), None)
    if name is not None:
        return cast("ImageMaker", load_engine(name))
    if output is Output.ENGINE:
        reasons = tuple(f"{each.name}: {each.reason or 'cannot be used'}" for each in found)
        hints = ("the same command with `--push --tag REGISTRY/NAME`", "the same command with `--output oci=image.tar`")
        raise EngineNotReadyError("no engine has a store for the image", facts=reasons, hints=hints)
    return _BuilderAlone()


def _flag(name: str) -> str:
    return f"--engine {name}"
