"""The image of a plan: a Dockerfile and the files that its build needs, for all formats that build one.

Nothing of the user's network or machine is in them: mirrors, credentials, certificates and local wheels are handed to
the build as secrets and a named context. Labels are given on the command line of the build.
"""

from importlib.resources import files

from envkit.errors import UnsatisfiableError
from envkit.generate.parseback import check_instructions
from envkit.generate.quoting import image_reference, module_name, public_url
from envkit.generate.requirements import requirement_lines
from envkit.generate.templates import render
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan

ROOT = "/opt/envkit"
WORKSPACE = "/workspace"
# 1980-01-02: the oldest day that a ZIP file can hold in every time zone, so that people can pack what they find.
SOURCE_DATE_EPOCH = 315619200
_VENV = f"{ROOT}/venv"
_TREE = "/build/tree"  # laid over the base image
_HOME = "/home/envkit"
_USER = "1000:1000"  # a run takes the uid and gid of its user instead
# A uid that no file of the image names has no home and no name; frameworks ask for both.
_ENVIRONMENT = (("VIRTUAL_ENV", _VENV), ("HOME", _HOME), ("USER", "envkit"), ("LOGNAME", "envkit"))
_SLOT = "envkit-slot/image:tag"


def image_files(plan: Plan, directory: str = "") -> tuple[GeneratedFile, ...]:
    """Return the files from which the image of a plan is built, in `directory` of an output.

    They are the Dockerfile, pip's settings, the locked requirements, and the program that finishes the image.
    """
    texts = {
        "Dockerfile": _dockerfile(plan),
        "finish_image.py": _program(),
        "imports.txt": "".join(f"{module_name(name)}\n" for name in plan.imports),
        "pip.conf": _pip_settings(plan),
        "requirements.lock": requirement_lines(plan.lock),
    }
    prefix = f"{directory}/" if directory else ""
    return tuple(GeneratedFile(path=f"{prefix}{path}", text=text) for path, text in texts.items())


def _dockerfile(plan: Plan) -> str:
    if plan.base is None:
        message = f"the plan has no base image: {plan.name}"
        raise UnsatisfiableError(message)
    image = image_reference(plan.base)
    text = _rendered(image)
    check_instructions(text, _rendered(_SLOT), {_SLOT: image})
    return text


def _rendered(image: str) -> str:
    return render(
        "dockerfile.j2",
        {
            "image": image,
            "epoch": SOURCE_DATE_EPOCH,
            "root": ROOT,
            "venv": _VENV,
            "tree": _TREE,
            "workspace": WORKSPACE,
            "user": _USER,
            "environment": _ENVIRONMENT,
            "install": _install_command(),
            "finish": (f"{_VENV}/bin/python", "/build/finish_image.py", _TREE, ROOT, _HOME, WORKSPACE),
        },
    )


def _install_command() -> tuple[str, ...]:
    pip = ("/build/tools/bin/pip", "--python", f"{_VENV}/bin/python", "--disable-pip-version-check", "install")
    exact = ("--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "--no-warn-script-location")
    return (*pip, *exact, "--requirement", f"{ROOT}/requirements.lock")


def _pip_settings(plan: Plan) -> str:
    lines = ["[global]", "find-links = /wheelhouse"]
    if plan.indexes:
        # One search over all indexes is safe: each requirement names the hash of the one file that may be installed.
        lines.append("extra-index-url = " + "\n    ".join(public_url(index.url) for index in plan.indexes))
    return "\n".join(lines) + "\n"


def _program() -> str:
    return files("envkit.generate").joinpath("programs", "finish_image.py").read_text(encoding="utf-8")
