"""The image of a plan: a Dockerfile and the files that its build needs, for all formats that build one.

Nothing of the user's network or machine is in them: mirrors, credentials, certificates and local wheels are handed to
the build as secrets and a named context. Labels are given on the command line of the build. In the portable dialect,
whoever builds puts the locked wheels into `wheelhouse/` first, and the build needs no network but for system packages.
"""

from importlib.resources import files

from envkit.errors import UnsatisfiableError
from envkit.generate.layers import split_wheels, wheel_groups
from envkit.generate.options import Dialect
from envkit.generate.parseback import check_instructions, check_settings
from envkit.generate.quoting import (
    exec_form,
    image_reference,
    module_name,
    program_name,
    public_url,
    quoted,
    variable_name,
)
from envkit.generate.requirements import pinned_package, requirement_lines
from envkit.generate.system_packages import system_package_lines
from envkit.generate.templates import render
from envkit.model.artifact import GeneratedFile
from envkit.model.lock import LockedPackage
from envkit.model.plan import Plan
from envkit.model.resolution import Base
from envkit.model.value import Value

ROOT = "/opt/envkit"
WORKSPACE = "/workspace"
# 1980-01-02: the oldest day that a ZIP file can hold in every time zone, so that people can pack what they find.
SOURCE_DATE_EPOCH = 315619200
WHEELHOUSE = "wheelhouse"  # directory of the build context, or name of a further context
_VENV = f"{ROOT}/venv"
_TOOLS = "/usr/lib/envkit-tools"
_TREE = "/build/tree"  # portable: laid over the base image
_HOME = "/home/envkit"
_USER = "1000:1000"  # a run takes the uid and gid of its user instead
# A uid that no file of the image names has no home and no name; frameworks ask for both.
_ENVIRONMENT = {"VIRTUAL_ENV": _VENV, "HOME": _HOME, "USER": "envkit", "LOGNAME": "envkit"}
_WAIT = ("sleep", "infinity")
_TEMPLATES = {Dialect.BUILDKIT: "dockerfile.j2", Dialect.PORTABLE: "dockerfile_portable.j2"}
# Where the build sees files of its context. What the portable dialect copies for system packages stays in the image.
# Where the programs and lists of a build lie in the image while it is built.
INPUTS = {Dialect.BUILDKIT: "/run/envkit", Dialect.PORTABLE: "/usr/share/envkit"}
_FINISH = "finish_image.py"
_INSTALL = "install_wheels.py"
_THREADS = "envkit_threads.py"
_BROUGHT = "base_packages.txt"


class _Words(Value):
    """What of a Dockerfile comes from outside."""

    image: str
    environment: dict[str, str]
    start: tuple[str, ...]


class Installation(Value):
    """One instruction that installs wheels: the command, and the files of the context that it reads."""

    number: int  # of the layer
    argv: tuple[str, ...]
    files: tuple[str, ...]


class _Layout(Value):
    """Which wheels an image gets in which of its layers."""

    dialect: Dialect
    ground: tuple[tuple[LockedPackage, ...], ...]  # one after the other
    groups: dict[int, tuple[LockedPackage, ...]] = {}  # each by itself, laid over the ground

    @property
    def layers(self) -> dict[int, tuple[LockedPackage, ...]]:
        """All of them by number."""
        return dict(enumerate(self.ground, start=1)) | self.groups


def image_files(
    plan: Plan, directory: str = "", dialect: Dialect = Dialect.BUILDKIT, *, linked: bool = True
) -> tuple[GeneratedFile, ...]:
    """Return the files from which the image of a plan is built, in `directory` of an output.

    Without `linked`, BuildKit's dialect too installs one thing after the other, for readers that know no layers.

    They are the Dockerfile, pip's settings, what is locked, and the programs that make the image. Raises
    `UnsatisfiableError` for a plan that has no base image or whose base has no known package manager for what has to be
    installed, and `DataError` for a value that has no place in a file.
    """
    layout = _layout(plan, dialect, linked=linked)
    texts = {
        "Dockerfile": _dockerfile(plan, layout),
        _THREADS: _program(_THREADS),
        _FINISH: _program(_FINISH),
        "imports.txt": "".join(f"{module_name(name)}\n" for name in plan.imports),
        _INSTALL: _program(_INSTALL),
        "pip.conf": _pip_settings(plan, dialect),
        "requirements.lock": requirement_lines(plan.lock.packages),
    }
    if plan.brought:
        lines = (pinned_package(name, version) for name, version in sorted(plan.brought.items()))
        texts[_BROUGHT] = "".join(f"{line}\n" for line in lines)
    texts |= {_layer_file(number): requirement_lines(packages) for number, packages in layout.layers.items()}
    if plan.system_packages:
        texts["install_packages.sh"] = _program("install_packages.sh")
        texts["system_packages.txt"] = system_package_lines(plan)
    prefix = f"{directory}/" if directory else ""
    return tuple(GeneratedFile(path=f"{prefix}{path}", text=texts[path]) for path in sorted(texts))


def wheelhouse_layers(plan: Plan) -> dict[str, tuple[LockedPackage, ...]]:
    """Return the packages that BuildKit's dialect takes from each named context, all of which `wheelhouse` replaces.

    BuildKit repeats a step when anything changes in a context that it sees.
    """
    layers = _layout(plan, Dialect.BUILDKIT, linked=True).layers
    return {f"{WHEELHOUSE}-{number}": packages for number, packages in layers.items()}


def _layout(plan: Plan, dialect: Dialect, *, linked: bool) -> _Layout:
    large, others = split_wheels(plan)
    if linked and dialect is Dialect.BUILDKIT:
        return _Layout(dialect=dialect, ground=(large,), groups=wheel_groups(others))
    return _Layout(dialect=dialect, ground=(large, others) if large and others else (large or others,))


def _dockerfile(plan: Plan, layout: _Layout) -> str:
    if plan.base is None:
        message = f"the plan has no base image: {plan.name}"
        raise UnsatisfiableError(message)
    environment = _ENVIRONMENT | {variable_name(name): value for name, value in sorted(plan.run.environment.items())}
    start = plan.run.command or _WAIT
    image = image_reference(plan.base)
    text = _rendered(plan, layout, _Words(image=image, environment=environment, start=start))
    # As the Dockerfile has them: in quotes of ENV, or of JSON.
    written = (
        image,
        *(quoted(value)[1:-1] for value in environment.values()),
        *(exec_form((word,))[2:-2] for word in start),
    )
    slots = {f"envkit-slot-{number}:tag": value for number, value in enumerate(written)}
    first, *others = slots
    count = len(environment)
    harmless = _Words(
        image=first, environment=dict(zip(environment, others[:count], strict=True)), start=tuple(others[count:])
    )
    check_instructions(text, _rendered(plan, layout, harmless), slots)
    check_settings(text, environment, start)
    return text


def _rendered(plan: Plan, layout: _Layout, words: _Words) -> str:
    dialect, manager = layout.dialect, plan.package_manager
    inputs = INPUTS[dialect]
    python = program_name(plan.base.python_program if plan.base is not None else "python3")
    return render(
        _TEMPLATES[dialect],
        {
            "image": words.image,
            "epoch": SOURCE_DATE_EPOCH,
            "venv": _VENV,
            "tree": _TREE,
            "tools": _TOOLS,
            "inputs": inputs,
            "workspace": WORKSPACE,
            "user": _USER,
            "make_tools": _tools(plan.base, python),
            "environment": tuple(words.environment.items()),
            "start": words.start,
            "own_entrypoint": not plan.brought,
            "manager": manager if plan.system_packages else None,
            "install_packages": ()
            if manager is None
            else ("/bin/sh", f"{inputs}/install_packages.sh", manager.name, manager.sources_file),
            "install": _ground(layout, plan, python),
            "groups": tuple(_group(number, plan, python) for number in layout.groups),
            "place_lock": (python, f"{inputs}/{_FINISH}", "lock", _TREE, ROOT) if _is_linked(layout) else (),
        },
    )


def _is_linked(layout: _Layout) -> bool:
    return bool(layout.groups)


def _tools(base: Base | None, python: str) -> tuple[str, ...]:
    """Return the command that makes the environment from which pip is run, and which the image does not keep."""
    own_pip = base is not None and not base.ensurepip
    return (python, "-m", "venv", *(("--without-pip", "--system-site-packages") if own_pip else ()), _TOOLS)


def _ground(layout: _Layout, plan: Plan, python: str) -> tuple[Installation, ...]:
    """Return what installs one thing after the other; the last one makes all else that an image needs."""
    tree = _TREE if layout.dialect is Dialect.PORTABLE else ""
    count = len(layout.ground)
    last = ("ground" if _is_linked(layout) else "whole", tree, ROOT, _HOME, WORKSPACE)
    return tuple(
        _installation(number, layout.dialect, plan, python, last if number == count else ("part", tree, ROOT))
        for number in range(1, count + 1)
    )


def _group(number: int, plan: Plan, python: str) -> Installation:
    return _installation(number, Dialect.BUILDKIT, plan, python, ("group", _TREE, ROOT))


def _installation(number: int, dialect: Dialect, plan: Plan, python: str, finish: tuple[str, ...]) -> Installation:
    inputs = INPUTS[dialect]
    program, requirements = f"{inputs}/{_INSTALL}", f"{inputs}/{_layer_file(number)}"
    brought = (_BROUGHT,) if plan.brought else ()
    further = {
        "whole": (*brought, "imports.txt", "requirements.lock", _THREADS),
        "ground": (*brought, "imports.txt", _THREADS),
        "part": (*brought, "imports.txt"),
        "group": (),
    }
    # Only the image's own Python sees what the image brings.
    installer = python if brought else f"{_TOOLS}/bin/python"
    return Installation(
        number=number,
        argv=(installer, program, python, _VENV, requirements, f"{inputs}/{_FINISH}", *finish),
        files=(_INSTALL, _FINISH, _layer_file(number), *further[finish[0]]),
    )


def _layer_file(number: int) -> str:
    return f"layer-{number}.lock"


def _pip_settings(plan: Plan, dialect: Dialect) -> str:
    lines = ["[global]", f"find-links = /{WHEELHOUSE}"]
    if dialect is Dialect.PORTABLE:
        lines.append("no-index = true")
    elif plan.indexes:
        # One search over all indexes is safe: each requirement names the hash of the one file that may be installed.
        lines.append("extra-index-url = " + "\n    ".join(public_url(index.url) for index in plan.indexes))
    return "\n".join(lines) + "\n"


def _program(name: str) -> str:
    return files("envkit.generate").joinpath("programs", name).read_text(encoding="utf-8")
