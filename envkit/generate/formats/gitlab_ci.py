"""A pipeline of GitLab that checks the lock and builds the image of every profile, on runners without devices.

Reference: https://docs.gitlab.com/ci/yaml/ and https://docs.gitlab.com/ci/docker/using_docker_build/
"""

from envkit.generate.options import Options
from envkit.generate.pipelines import CHECK, INSTALL, ImageJob, build_command, image_jobs, pipeline_tools, project_name
from envkit.generate.yaml_text import YamlValue, yaml_text
from envkit.model.artifact import GeneratedFile
from envkit.model.pipelines import PipelineTools
from envkit.model.plan import Plan

OPTIONS = ("pipelines",)
_DEFAULT_BRANCH = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
_MERGE_REQUEST = '$CI_PIPELINE_SOURCE == "merge_request_event"'
_LOGIN = """\
printf %s "$CI_REGISTRY_PASSWORD" |
  docker login "$CI_REGISTRY" --username "$CI_REGISTRY_USER" --password-stdin
"""
_Fields = dict[str, YamlValue]


def generate_project(plans: tuple[Plan, ...], options: Options) -> tuple[GeneratedFile, ...]:
    """Return the pipeline of a project; raises as `image_jobs` and `pipeline_tools` do."""
    jobs, tools = image_jobs(plans), pipeline_tools(options)
    name = project_name(plans)
    pipeline: _Fields = {
        "stages": ["lock", "build"],
        "workflow": {"rules": [{"if": _MERGE_REQUEST}, {"if": _DEFAULT_BRANCH}]},
        "lock": {
            "stage": "lock",
            "image": tools.python_image,
            "interruptible": True,
            "script": [f'pip install "{INSTALL}"', CHECK],
        },
        ".build": _common(jobs, tools),
        "build": _build(jobs, name, _MERGE_REQUEST, push=False),
        "publish": _build(jobs, name, _DEFAULT_BRANCH, push=True),
    }
    heading = (
        "# Written by envkit: the lock is checked and every image built; the default branch publishes them.\n"
        "# The runner has to allow Docker in Docker.\n"
    )
    return (GeneratedFile(path=".gitlab-ci.yml", text=heading + yaml_text(pipeline)),)


def _common(jobs: tuple[ImageJob, ...], tools: PipelineTools) -> _Fields:
    # A project for the usual platform takes whatever runs without tags; else runners have to be told apart.
    tagged = any(job.platform != tools.runners[0].platform for job in jobs)
    job: _Fields = {
        "stage": "build",
        "image": tools.docker_image,
        "services": [f"{tools.docker_image}-dind"],
        "timeout": "3 hours",
        "variables": {"DOCKER_TLS_CERTDIR": "/certs"},
        "parallel": {"matrix": [_row(job, tools, tagged=tagged) for job in jobs]},
    }
    if tagged:
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


def _row(job: ImageJob, tools: PipelineTools, *, tagged: bool) -> _Fields:
    hosted = tools.runner(job.platform)
    tag = job.platform.replace("/", "-") if hosted is None else hosted.gitlab
    return {
        **({} if job.profile is None else {"PROFILE": job.profile}),
        "TAG": job.tag,
        **({"RUNNER_TAG": tag} if tagged else {}),
    }
