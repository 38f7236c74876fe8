"""What pipelines of forges run on and with: `envkit/data/pipelines.yaml`."""

from envkit.model.provenance import Source
from envkit.model.value import Value


class Runner(Value):
    """The hosted machines of forges that build images for one platform."""

    platform: str  # linux/arm64
    source: str
    github: str  # value of `runs-on`
    gitlab: str  # tag of a runner


class PipelineTools(Value):
    """Actions, images and runners of generated pipelines."""

    sources: dict[str, Source]
    source: str  # of the action and the images
    checkout: str  # action of GitHub, by the commit of a release: nobody can move that
    python_image: str  # in which GitLab checks the lock
    docker_image: str  # in which GitLab builds; `-dind` after it is the service
    runners: tuple[Runner, ...]  # the first one is the usual one

    def runner(self, platform: str) -> Runner | None:
        """Return the hosted machines for a platform."""
        return next((row for row in self.runners if row.platform == platform), None)
