"""BuildKit at the address that `BUILDKIT_HOST` names, reached through buildx without a trace in its settings."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from envkit.engines.builders import BuilderCapabilities, ImageResult, ImageWish
from envkit.engines.builders.buildx import BuildxBuilder
from envkit.engines.builders.probe import PROBE_SECONDS, buildkit_capabilities, find_buildx, probe_builder
from envkit.engines.protocol import BuildContext
from envkit.errors import EngineNotReadyError
from envkit.model.plan import Plan
from envkit.model.text import strip_controls
from envkit.system.command import Command, run_command

HOST_VARIABLE = "BUILDKIT_HOST"
HOST_BUILDER = "buildkit-host"
_NAME = "envkit"  # in settings of buildx that last as long as the build


class BuildkitHostBuilder:
    """A BuildKit daemon that no builder of buildx has been made for."""

    name = HOST_BUILDER

    def __init__(self, client: str, address: str, capabilities: BuilderCapabilities) -> None:
        self.capabilities = capabilities
        self._client = client
        self._address = address

    def build(self, plan: Plan, context: BuildContext, wish: ImageWish) -> ImageResult:
        """Build an image; raises as `BuildxBuilder.build` does."""
        with _settings(self._client, self._address) as environment:
            return BuildxBuilder(self._client, _NAME, self.capabilities, environment).build(plan, context, wish)


def at_host() -> BuildkitHostBuilder:
    """Return the builder at `BUILDKIT_HOST`; raises `EngineNotReadyError` when nothing answers there."""
    address = os.environ.get(HOST_VARIABLE)
    if not address:
        raise EngineNotReadyError(f"no address is set: {HOST_VARIABLE}", hints=(f"export {HOST_VARIABLE}=tcp://…",))
    client = find_buildx()
    with _settings(client, address) as environment:
        inspected = probe_builder(client, _NAME, environment)
    return BuildkitHostBuilder(client, address, buildkit_capabilities(inspected, "buildkit"))


@contextmanager
def _settings(client: str, address: str) -> Iterator[Mapping[str, str]]:
    """Yield the variables under which buildx knows the daemon; raises `EngineNotReadyError`."""
    with TemporaryDirectory(prefix="envkit-buildx-") as directory:
        environment = {"BUILDX_CONFIG": directory, "BUILDX_BUILDER": ""}
        argv = (client, "buildx", "create", "--name", _NAME, "--driver", "remote", "--", address)
        made = run_command(Command(argv=argv, environment=environment, timeout_seconds=PROBE_SECONDS))
        if not made.ok:
            said = made.failure or strip_controls(made.stderr.strip())
            raise EngineNotReadyError(f"buildx does not take the address ({said}): {address}")
        yield environment
