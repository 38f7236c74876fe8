"""Building an image with the classic builder of the Docker Engine, for clients that have no buildx."""

import re
from collections.abc import Iterable
from typing import Protocol

import msgspec

from envkit.engines.builders import BuilderCapabilities, ImageResult, ImageWish
from envkit.engines.builders.logged import build_failure, opened_log
from envkit.engines.builders.staging import generated_files, staged_build
from envkit.engines.builders.step_lines import StepLines
from envkit.engines.builders.wishes import check_wish
from envkit.engines.image_sources import proxy_variables
from envkit.engines.protocol import BuildContext
from envkit.generate.options import Dialect
from envkit.model.plan import Plan

LEGACY = "legacy"
_STEP_IMAGE = re.compile(r"^ ---> ([0-9a-f]{12})$")


class ClassicBuild(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine is sent besides the files."""

    directory: str
    tag: str
    labels: dict[str, str]
    arguments: dict[str, str]
    host_network: bool
    fresh: bool


class ClassicLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that the engine printed; `failed` is set on the one that says why the build ended."""

    text: str
    failed: bool = False


class ClassicEngine(Protocol):
    """An engine with the classic builder."""

    def build(self, asked: ClassicBuild) -> Iterable[ClassicLine]:
        """Build an image and yield what the builder prints; raises `EngineNotReadyError` and `RunError`."""

    def add_tag(self, image: str, tag: str) -> None:
        """Give an image one more tag."""

    def remove_untagged(self, images: tuple[str, ...]) -> None:
        """Remove those of the images that have no name and that no other image is made of."""


class LegacyBuilder:
    """The classic builder, which knows neither secrets nor cache mounts."""

    name = LEGACY
    capabilities = BuilderCapabilities(
        kind=LEGACY,
        dialect=Dialect.PORTABLE,
        store="docker",
        docker_output=False,
        push=False,
        many_platforms=False,
        cost=(
            "the engine's classic builder: no cache between builds, and every step is kept as a layer while it builds",
        ),
    )

    def __init__(self, engine: ClassicEngine) -> None:
        self._engine = engine

    def build(self, plan: Plan, context: BuildContext, wish: ImageWish) -> ImageResult:
        """Build an image into the engine's store; raises `BuildError` with the last lines of the failing step."""
        check_wish(self.name, self.capabilities, wish)
        files = generated_files(plan, context, Dialect.PORTABLE)
        with staged_build(plan, context, files, Dialect.PORTABLE) as staged:
            asked = ClassicBuild(
                directory=str(staged.files),
                tag=wish.tags[0],
                labels=wish.labels,
                arguments={"SOURCE_DATE_EPOCH": str(wish.epoch), **proxy_variables(context.sources)},
                host_network=wish.host_network,
                fresh=wish.fresh,
            )
            self._run(asked, context)
        for tag in wish.tags[1:]:
            self._engine.add_tag(wish.tags[0], tag)
        return ImageResult(builder=self.name, reference=wish.tags[0], log=context.log)

    def _run(self, asked: ClassicBuild, context: BuildContext) -> None:
        lines, images = StepLines(), list[str]()
        try:
            with opened_log(context.log) as write:
                for line in self._engine.build(asked):
                    write(line.text)
                    for progress in lines.feed(line.text):
                        context.progress(progress)
                    images += _STEP_IMAGE.findall(line.text)
                    if line.failed:
                        raise build_failure(lines.failure(), context.log)
        finally:
            # The steps of the stages that the image is not made of: all wheels and what was installed, twice its size.
            self._engine.remove_untagged(tuple(dict.fromkeys(reversed(images))))
        for progress in lines.end():
            context.progress(progress)
