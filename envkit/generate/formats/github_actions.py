"""A workflow of GitHub that checks the lock and builds the image of every profile, on hosted runners without devices.

Reference: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from envkit.generate.options import Options
from envkit.generate.pipelines import CHECK, INSTALL, ImageJob, build_command, image_jobs, pipeline_tools, project_name
from envkit.generate.yaml_text import YamlValue, yaml_text
from envkit.model.artifact import GeneratedFile
from envkit.model.pipelines import PipelineTools
from envkit.model.plan import Plan

OPTIONS = ("pipelines",)
_PATH = ".github/workflows/envkit.yml"
_OWN_RUNNER = "self-hosted"
_MINUTES = 180
_Fields = dict[str, YamlValue]


def generate_project(plans: tuple[Plan, ...], options: Options) -> tuple[GeneratedFile, ...]:
    """Return the workflow of a project; raises as `image_jobs` and `pipeline_tools` do."""
    jobs, name, tools = image_jobs(plans), project_name(plans), pipeline_tools(options)
    workflow: _Fields = {
        "name": "envkit",
        "on": {"push": {"branches": ["main", "master"]}, "pull_request": {}, "workflow_dispatch": {}},
        "permissions": {},
        "concurrency": {"group": "${{ github.workflow }}-${{ github.ref }}", "cancel-in-progress": True},
        "jobs": {
            "lock": _lock(tools),
            "image": _image(jobs, name, tools, "!", push=False),
            "publish": _image(jobs, name, tools, "", push=True),
        },
    }
    heading = "# Written by envkit: the lock is checked and every image built; the default branch publishes them.\n"
    return (GeneratedFile(path=_PATH, text=heading + yaml_text(workflow)),)


def _lock(tools: PipelineTools) -> _Fields:
    return {
        "name": "Check the lock",
        "runs-on": tools.runners[0].github,
        "timeout-minutes": 15,
        "permissions": {"contents": "read"},
        "steps": [*_prepare(tools), {"name": "Check", "run": CHECK}],
    }


def _image(jobs: tuple[ImageJob, ...], name: str, tools: PipelineTools, negation: str, *, push: bool) -> _Fields:
    """Return the job that builds all images: for the default branch with `push`, for everything else without."""
    image = f"ghcr.io/${{GITHUB_REPOSITORY,,}}/{name}"
    default_branch = (
        "(github.ref_name == github.event.repository.default_branch && github.event_name != 'pull_request')"
    )
    return {
        "name": f"{'Publish' if push else 'Build'} ${{{{ matrix.tag }}}}",
        "needs": "lock",
        "if": negation + default_branch,
        "runs-on": "${{ matrix.runner }}",
        "timeout-minutes": _MINUTES,
        "permissions": {"contents": "read", "packages": "write" if push else "read"},
        "strategy": {"fail-fast": False, "matrix": {"include": [_row(job, tools) for job in jobs]}},
        # Values reach a shell as variables: written into the command they could change it.
        "env": {
            **({} if jobs[0].profile is None else {"PROFILE": "${{ matrix.profile }}"}),
            "TAG": "${{ matrix.tag }}",
        },
        "steps": [
            *_prepare(tools),
            {"name": "Start a builder", "run": "docker buildx create --use"},
            {
                "name": "Log in",
                "env": {"TOKEN": "${{ github.token }}"},
                "run": 'docker login ghcr.io --username "$GITHUB_ACTOR" --password-stdin <<< "$TOKEN"',
            },
            {"name": "Build", "run": build_command(jobs, image, push=push)},
        ],
    }


def _prepare(tools: PipelineTools) -> list[_Fields]:
    install = f'python3 -m venv "$RUNNER_TEMP/envkit"\n"$RUNNER_TEMP/envkit/bin/pip" install "{INSTALL}"\n'
    return [
        {"name": "Check out", "uses": tools.checkout, "with": {"persist-credentials": False}},
        {"name": "Install envkit", "run": install + 'echo "$RUNNER_TEMP/envkit/bin" >> "$GITHUB_PATH"\n'},
    ]


def _row(job: ImageJob, tools: PipelineTools) -> _Fields:
    hosted = tools.runner(job.platform)
    runner = _OWN_RUNNER if hosted is None else hosted.github
    return {**({} if job.profile is None else {"profile": job.profile}), "tag": job.tag, "runner": runner}
