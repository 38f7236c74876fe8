"""What of the world can be had from a mirror, and which mirrors people use: `envkit/data/mirrors.yaml`."""

from typing import Literal

from envkit.model.provenance import Source
from envkit.model.value import Value

MirrorKind = Literal["conda", "hub", "index", "registry", "system"]


class MirroredPlace(Value):
    """A public server, and how one of its mirrors is asked whether it works."""

    place: str  # pypi.org, by which users name it
    kind: MirrorKind  # system: packages of a distribution; hub: models
    address: str  # what the mirror's address takes the place of: https://pypi.org/simple
    probe: str  # a small page below it
    source: str
    environment: tuple[str, ...] = ()  # variables that tell tools inside of environments: HF_ENDPOINT


class MirrorPreset(Value):
    """Mirrors that one operator offers."""

    name: str  # tuna
    title: str
    source: str
    mirrors: dict[str, str]  # by place


class SystemSources(Value):
    """The package sources of a distribution as its package manager reads them, for builds that take a mirror."""

    os: str  # debian-12
    lines: tuple[str, ...]  # `{deb.debian.org}` stands for the address of that place, or of its mirror
    source: str


class Mirrors(Value):
    """All places and presets."""

    sources: dict[str, Source]
    places: tuple[MirroredPlace, ...]
    presets: tuple[MirrorPreset, ...] = ()
    systems: tuple[SystemSources, ...] = ()

    def place(self, name: str) -> MirroredPlace | None:
        """Return the place of this name."""
        return next((row for row in self.places if row.place == name), None)
