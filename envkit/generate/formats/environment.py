"""An environment of conda: Python from conda-forge, and the locked wheels through pip with their hashes.

Reference: https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
"""

from envkit.generate.expected import oldest_glibc, package_names, require_whole_lock
from envkit.generate.quoting import public_url
from envkit.generate.requirements import requirement_lines
from envkit.generate.yaml_text import YamlValue, yaml_text
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan
from envkit.model.request import Mode

# https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/channels.html: names of platforms
_SUBDIRECTORIES = {"x86_64": "linux-64", "ppc64le": "linux-ppc64le"}  # others are `linux-ARCHITECTURE`
_CUDA = "cuda"
MODE = Mode.NATIVE


def generate_files(plan: Plan) -> tuple[GeneratedFile, ...]:
    """Return `environment.yml` and `virtual-packages.yml`.

    Raises `UnsatisfiableError`, `DataError` and `UnsafeTextError`.
    """
    require_whole_lock(plan)
    virtual = _virtual_packages(plan)
    overrides = " ".join(f"CONDA_OVERRIDE_{name.strip('_').upper()}={version}" for name, version in virtual.items())
    heading = "# Written by envkit from a plan.\n#   create:    conda env create --file environment.yml\n"
    if overrides:
        heading += f"#   on a machine without that hardware: the same with {overrides}\n"
    if plan.system_packages:
        heading += f"#   expected of the distribution: {package_names(plan)}\n"
    return (
        GeneratedFile(path="environment.yml", text=heading + yaml_text(_environment(plan))),
        GeneratedFile(
            path="virtual-packages.yml", text=yaml_text({"subdirs": {_subdirectory(plan): {"packages": virtual}}})
        ),
    )


def _environment(plan: Plan) -> dict[str, YamlValue]:
    python = plan.python.removesuffix("t")
    dependencies: list[YamlValue] = [f"python={python}.*"]
    if python != plan.python:
        dependencies.append(f"python-freethreading={python}.*")
    wheels = [f"--extra-index-url {public_url(index.url)}" for index in plan.indexes]
    wheels += ["--only-binary :all:", *requirement_lines(plan.lock.packages).splitlines()]
    return {
        "name": plan.name,
        "channels": ["conda-forge", "nodefaults"],
        "dependencies": [*dependencies, "pip", {"pip": wheels}],
    }


def _virtual_packages(plan: Plan) -> dict[str, str]:
    """Return what the packages take for granted: https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-virtual.html."""
    packages: dict[str, str] = {}
    glibc = oldest_glibc(plan.lock)
    if glibc is not None:
        packages["__glibc"] = glibc
    if plan.runtime is not None and plan.runtime.name == _CUDA:
        packages["__cuda"] = plan.runtime.version
    return packages


def _subdirectory(plan: Plan) -> str:
    architecture = plan.lock.platform.partition("-")[0]
    return _SUBDIRECTORIES.get(architecture, f"linux-{architecture}")
