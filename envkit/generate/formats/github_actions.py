"""A workflow of GitHub that checks the lock and builds the image of every profile, on hosted runners without devices.

Reference: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from envkit.generate.pipelines import CHECK, INSTALL, ImageJob, build_command, image_jobs, project_name
from envkit.generate.yaml_text import YamlValue, yaml_text
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan

_PATH = ".github/workflows/envkit.yml"
# By commit, which nobody can move: https://github.com/actions/checkout/releases/tag/v5.0.0, read 2026-11-22
_CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8"
# https://docs.github.com/en/actions/reference/runners/github-hosted-runners
_RUNNERS = {"linux/amd64": "ubuntu-24.04", "linux/arm64": "ubuntu-24.04-arm"}
_OWN_RUNNER = "self-hosted"
_MINUTES = 180
_Fields = dict[str, YamlValue]


def generate_project(plans: tuple[Plan, ...]) -> tuple[GeneratedFile, ...]:
    """Return the workflow of a project; raises as `image_jobs` does."""
    jobs, name = image_jobs(plans), project_name(plans)
    workflow: _Fields = {
        "name": "envkit",
        "on": {"push": {"branches": ["main", "master"]}, "pull_request": {}, "workflow_dispatch": {}},
        "permissions": {},
        "concurrency": {"group": "${{ github.workflow }}-${{ github.ref }}", "cancel-in-progress": True},
        "jobs": {
            "lock": _lock(),
            "image": _image(jobs, name, "!", push=False),
            "publish": _image(jobs, name, "", push=True),
        },
    }
    heading = "# Written by envkit: the lock is checked and every image built; the default branch publishes them.\n"
    return (GeneratedFile(path=_PATH, text=heading + yaml_text(workflow)),)


def _lock() -> _Fields:
    return {
        "name": "Check the lock",
        "runs-on": "ubuntu-24.04",
        "timeout-minutes": 15,
        "permissions": {"contents": "read"},
        "steps": [*_prepare(), {"name": "Check", "run": CHECK}],
    }


def _image(jobs: tuple[ImageJob, ...], name: str, negation: str, *, push: bool) -> _Fields:
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
        "strategy": {"fail-fast": False, "matrix": {"include": [_row(job) for job in jobs]}},
        # Values reach a shell as variables: written into the command they could change it.
        "env": {
            **({} if jobs[0].profile is None else {"PROFILE": "${{ matrix.profile }}"}),
            "TAG": "${{ matrix.tag }}",
        },
        "steps": [
            *_prepare(),
            {"name": "Start a builder", "run": "docker buildx create --use"},
            {
                "name": "Log in",
                "env": {"TOKEN": "${{ github.token }}"},
                "run": 'docker login ghcr.io --username "$GITHUB_ACTOR" --password-stdin <<< "$TOKEN"',
            },
            {"name": "Build", "run": build_command(jobs, image, push=push)},
        ],
    }


def _prepare() -> list[_Fields]:
    install = f'python3 -m venv "$RUNNER_TEMP/envkit"\n"$RUNNER_TEMP/envkit/bin/pip" install "{INSTALL}"\n'
    return [
        {"name": "Check out", "uses": _CHECKOUT, "with": {"persist-credentials": False}},
        {"name": "Install envkit", "run": install + 'echo "$RUNNER_TEMP/envkit/bin" >> "$GITHUB_PATH"\n'},
    ]


def _row(job: ImageJob) -> _Fields:
    runner = _RUNNERS.get(job.platform, _OWN_RUNNER)
    return {**({} if job.profile is None else {"profile": job.profile}), "tag": job.tag, "runner": runner}
