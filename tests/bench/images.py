"""How long images take and how large they are: `python tests/bench/images.py WHEELS CHANGED_WHEEL IMPORT...`.

WHEELS is a directory with all wheels of one environment, CHANGED_WHEEL another version of one of them. An engine has to
run and to have the base image; PLAIN_BASE names that of the plain Dockerfile, and `full_python.Dockerfile` makes one.
Built are: everything from nothing, again with the one wheel changed, and the same environment as a plain Dockerfile has
it. Nothing here passes or fails; the images are removed.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import copyfile, which

from envkit.generate import generate_artifacts
from envkit.generate.image import wheelhouse_layers
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.model.resolution import Base

BASE = "python:3.11-slim-bookworm"
PLAIN_BASE = os.environ.get("PLAIN_BASE", BASE)
PLAIN = """FROM {base}
RUN ["python3", "-m", "venv", "/venv"]
RUN --mount=type=bind,target=/wheels /venv/bin/pip install --no-index --find-links /wheels {requirements}
"""
EPOCH = 315619200


def locked(wheel: Path) -> LockedPackage:
    """Return a wheel as a lock has it."""
    name, version = wheel.name.split("-")[:2]
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    file = LockedFile(filename=wheel.name, sha256=sha256, path=str(wheel), size=wheel.stat().st_size)
    return LockedPackage(name=name.lower().replace("_", "-"), version=version, file=file)


def plan_of(wheels: Path, imports: tuple[str, ...]) -> Plan:
    """Return a plan for the processor with all wheels of a directory."""
    packages = tuple(locked(wheel) for wheel in sorted(wheels.glob("*.whl")))
    lock = Lock(python="3.11", platform="any", packages=packages, pylock="", sha256="b" * 64)
    return Plan(
        name="bench",
        mode=Mode.CONTAINER,
        vendor="cpu",
        variant="cpu",
        python="3.11",
        packages={},
        lock=lock,
        smoke=(),
        fingerprint="f1",
        base=Base(image=BASE),
        imports=imports,
    )


def build(directory: Path, tag: str, *options: str) -> float:
    """Build a directory and return the seconds."""
    client = which("docker", path="/usr/bin") or "docker"
    fixed = ("--provenance=false", "--sbom=false", f"--build-arg=SOURCE_DATE_EPOCH={EPOCH}", "--network=host")
    output = f"--output=type=image,name={tag},unpack=true,compression=zstd,compression-level=1"
    argv = (client, "buildx", "build", *fixed, output, *options, str(directory))
    started = time.perf_counter()
    subprocess.run(argv, check=True, capture_output=True)
    return time.perf_counter() - started


def build_plan(wheels: Path, imports: tuple[str, ...], tag: str, *options: str) -> float:
    """Generate and build the image of a directory of wheels."""
    plan = plan_of(wheels, imports)
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as contexts:
        for file in generate_artifacts(plan, "dockerfile").files:
            Path(directory, file.path).write_text(file.text)
        for name, packages in wheelhouse_layers(plan).items():
            Path(contexts, name).mkdir()
            for package in packages:
                copyfile(str(package.file.path), Path(contexts, name, package.file.filename))
            options = (*options, f"--build-context={name}={contexts}/{name}")
        settings = Path(directory, "pip-settings")  # as envkit has pip ask no index where all wheels are here
        settings.write_text("[global]\nno-index = true\n")
        return build(Path(directory), tag, f"--secret=id=pip,src={settings}", *options)


def build_plain(wheels: Path, tag: str) -> float:
    """Build the same environment as most Dockerfiles do."""
    with tempfile.TemporaryDirectory() as directory:
        packages = [locked(wheel) for wheel in wheels.glob("*.whl")]
        for package in packages:
            copyfile(str(package.file.path), Path(directory, package.file.filename))
        names = " ".join(f"{package.name}=={package.version}" for package in packages)
        Path(directory, "Dockerfile").write_text(PLAIN.format(base=PLAIN_BASE, requirements=names))
        return build(Path(directory), tag, "--no-cache")


def unpacked_mib(tag: str) -> float:
    """Return what the files of an image take, as its containers see them."""
    client = which("docker", path="/usr/bin") or "docker"
    argv = (client, "run", "--rm", "--network=none", "--user=0:0", tag, "du", "-sxm", "/")
    return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()[0])


def main(wheels: str, changed: str, *imports: str) -> None:
    """Print the figures as JSON."""
    source = Path(wheels)
    with tempfile.TemporaryDirectory() as directory:
        other = Path(directory)
        name = locked(Path(changed)).name
        for wheel in source.glob("*.whl"):
            if locked(wheel).name != name:
                copyfile(wheel, other / wheel.name)
        copyfile(changed, other / Path(changed).name)
        figures = {
            "cold seconds": build_plan(source, imports, "envkit-bench:cold", "--no-cache"),
            "one package changed, seconds": build_plan(other, imports, "envkit-bench:changed"),
            "plain seconds": build_plain(source, "envkit-bench:plain"),
        }
    figures |= {f"{tag} MiB": unpacked_mib(f"envkit-bench:{tag}") for tag in ("cold", "plain")} | {
        "base MiB": unpacked_mib(BASE),
        "plain base MiB": unpacked_mib(PLAIN_BASE),
    }
    client = which("docker", path="/usr/bin") or "docker"
    subprocess.run(
        (client, "rmi", *(f"envkit-bench:{tag}" for tag in ("cold", "changed", "plain"))),
        check=True,
        capture_output=True,
    )
    sys.stdout.write(json.dumps({key: round(value, 1) for key, value in figures.items()}, indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
