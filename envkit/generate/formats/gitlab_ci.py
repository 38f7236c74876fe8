"""A pipeline of GitLab that checks the lock and builds the image of every profile, on runners without devices.

Reference: https://docs.gitlab.com/ci/yaml/ and https://docs.gitlab.com/ci/docker/using_docker_build/
"""

from envkit.generate.pipelines import CHECK, INSTALL, ImageJob, build_command, image_jobs, project_name
from envkit.generate.yaml_text import YamlValue, yaml_text
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan

_PYTHON = "python:3.12-slim-bookworm"
_DOCKER = "docker:28"
# https://docs.gitlab.com/ci/runners/hosted_runners/linux/
_TAGS = {"linux/amd64": "saas-linux-small-amd64", "linux/arm64": "saas-linux-small-arm64"}
_DEFAULT_PLATFORM = "linux/amd64"
_DEFAULT_BRANCH = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
_MERGE_REQUEST = '$CI_PIPELINE_SOURCE == "merge_request_event"'
_LOGIN = """\
printf %s "$CI_REGISTRY_PASSWORD" |
  docker login "$CI_REGISTRY" --username "$CI_REGISTRY_USER" --password-stdin
"""
_Fields = dict[str, YamlValue]


def generate_project(plans: tuple[Plan, ...]) -> tuple[GeneratedFile, ...]:
    """Return the pipeline of a project; raises as `image_jobs` does."""
    jobs = image_jobs(plans)
    name = project_name(plans)
    pipeline: _Fields = {
        "stages": ["lock", "build"],
        "workflow": {"rules": [{"if": _MERGE_REQUEST}, {"if": _DEFAULT_BRANCH}]},
        "lock": {
            "stage": "lock",
            "image": _PYTHON,
            "interruptible": True,
            "script": [f'pip install "{INSTALL}"', CHECK],
        },
        ".build": _common(jobs),
        "build": _build(jobs, name, _MERGE_REQUEST, push=False),
        "publish": _build(jobs, name, _DEFAULT_BRANCH, push=True),
    }
    heading = (
        "# Written by envkit: the lock is checked and every image built; the default branch publishes them.\n"
        "# The runner has to allow Docker in Docker.\n"
    )
    return (GeneratedFile(path=".gitlab-ci.yml", text=heading + yaml_text(pipeline)),)


def _common(jobs: tuple[ImageJob, ...]) -> _Fields:
    job: _Fields = {
        "stage": "build",
        "image": _DOCKER,
        "services": [f"{_DOCKER}-dind"],
        "timeout": "3 hours",
        "variables": {"DOCKER_TLS_CERTDIR": "/certs"},
        "parallel": {"matrix": [_row(job, tagged=_is_tagged(jobs)) for job in jobs]},
    }
    if _is_tagged(jobs):
        job["tags"] = ["$RUNNER_TAG"]
    return job | {
        "before_script": [
            "apk add --no-cache python3",
            "python3 -m venv /opt/envkit",
            f'/opt/envkit/bin/pip install "{INSTALL}"',
            'export PATH="/opt/envkit/bin:$PATH"',
            # The builder needs the certificates of the engine's address in a context of its own.
            "docker context create engine",
            "docker buildx create --use engine",
            _LOGIN,
        ]
    }


def _build(jobs: tuple[ImageJob, ...], name: str, rule: str, *, push: bool) -> _Fields:
    return {
        "extends": ".build",
        "interruptible": not push,
        "rules": [{"if": rule}],
        "script": [build_command(jobs, f"$CI_REGISTRY_IMAGE/{name}", push=push)],
    }


def _is_tagged(jobs: tuple[ImageJob, ...]) -> bool:
    """Tell whether runners have to be told apart; a project for one platform takes whatever runs without tags."""
    return any(job.platform != _DEFAULT_PLATFORM for job in jobs)


def _row(job: ImageJob, *, tagged: bool) -> _Fields:
    return {
        **({} if job.profile is None else {"PROFILE": job.profile}),
        "TAG": job.tag,
        **({"RUNNER_TAG": _TAGS.get(job.platform, job.platform.replace("/", "-"))} if tagged else {}),
    }
