"""Building on an image that brings a framework which no index has, as vendors' own images do, on a real engine."""

import os
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FRAMEWORK = "def answer():\n    return 42\n"
ASK = ("tinyframe", "--target", "k100_ai,os=debian-12", "--offline", "--wheelhouse", "wheels")
VENDOR = """
sources:
  test: {{text: "made by the test", retrieved: "2026-01-01"}}
bases:
  - image: "{image}"
    pythons: ["3.11"]
    cpu_architectures: [x86_64, aarch64]
    source: test
    os: debian-12
    libc: "2.36"
    packages: {{tinyframe: "1.0"}}
    python_program: {python}
    ensurepip: false
"""
VARIANT = """
variants:
  - variant: dtk9
    vendor: hygon
    releases: "==1.0"
    cpu_architectures: [x86_64, aarch64]
    source: test
    pythons: ["3.11"]
    image: "{image}"
smoke:
  devices: {{hygon: cpu}}
  imports: [tinyframe]
  program: |
    import tinyframe

    def smoke(device, index):
        return {{"device_name": device, "expected": "42", "observed": str(tinyframe.answer())}}
"""
# Two ways in which vendors lay out theirs: for the Python of the system, and in an environment beside it.
LAYOUTS = {
    "system": (
        "python3",
        """RUN python3 -m venv /tmp/made && \\
    /tmp/made/bin/pip install --no-index --no-deps \\
        --target "$(python3 -c 'import site; print(site.getsitepackages()[0])')" \\
        /wheels/*.whl "$(find / -xdev -name 'pip-*.whl' | head -n 1)" """,
    ),
    "environment": (
        "/torch/venv3/bin/python",
        "RUN python3 -m venv /torch/venv3 && /torch/venv3/bin/pip install --no-index --no-deps /wheels/*.whl",
    ),
}


def docker(*argv: str, directory: Path | None = None) -> str:
    done = subprocess.run(["docker", *argv], check=False, capture_output=True, text=True, cwd=directory)  # noqa: S607
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Site:
    """A home whose data knows one vendor image with a framework; the image is made as the vendor would."""

    def __init__(self, home, make_wheel: Callable[..., Path], registry: str) -> None:
        self.home, self._make_wheel = home, make_wheel
        self.image = f"{registry}/vendor-{uuid.uuid4().hex[:8]}:1"
        self.tag = f"envkit-test/{uuid.uuid4().hex[:8]}:1"

    def have_vendor_image(self, layout: str, version: str) -> None:
        python, install = LAYOUTS[layout]
        context = self.home.root / "vendor"
        self._make_wheel(context / "wheels", "tinyframe", version, body=FRAMEWORK)
        lines = ("FROM python:3.11-slim-bookworm", "COPY wheels /wheels", install, 'ENTRYPOINT ["false"]')
        (context / "Dockerfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
        docker("build", "--quiet", "--network=none", "--tag", self.image, ".", directory=context)
        docker("push", "--quiet", self.image)
        overlay = self.home.recipe.parents[1]
        (overlay / "vendors").mkdir(exist_ok=True)
        text = VENDOR.format(image=self.image, python=python)
        (overlay / "vendors" / "hygon.yaml").write_text(text.lstrip(), encoding="utf-8")
        before = self.home.recipe.read_text(encoding="utf-8").partition("variants:")[0]
        self.home.recipe.write_text(before + VARIANT.format(image=self.image).lstrip(), encoding="utf-8")

    def inside(self, program: str) -> str:
        return docker("run", "--rm", "--network=none", self.tag, "python", "-I", "-c", program)


@pytest.fixture
def site(tiny, make_wheel: Callable[..., Path], request: pytest.FixtureRequest) -> Iterator[Site]:
    request.getfixturevalue("engine_ready")
    registry = os.environ.get("ENVKIT_TEST_REGISTRY")
    if not registry:
        pytest.skip('no registry: eval "$(.ci/engine start)"')
    tiny.use_engine()
    site = Site(tiny, make_wheel, registry)
    wheels = tiny.project / "wheels"
    for wheel in wheels.glob("tinyframe-*"):
        wheel.unlink()
    make_wheel(wheels, "tinytool", "3.0", requires=("tinyframe>=1", "tinydep"))
    yield site
    for image in (site.image, site.tag):
        subprocess.run(["docker", "rmi", "--force", image], check=False, capture_output=True)  # noqa: S607


@pytest.mark.engine
@pytest.mark.parametrize(
    ("layout", "builder"), [("system", ()), ("environment", ("--builder", "legacy"))], ids=["buildkit", "legacy"]
)
def test_packages_go_on_top_of_the_framework_of_the_image(site: Site, layout: str, builder: tuple[str, ...]) -> None:
    site.have_vendor_image(layout, "1.0+dtk9.2")
    ended = site.home.run("build", *ASK, "--with", "tinytool", "--tag", site.tag, *builder, "--json")
    assert ended.status == 0, ended.stderr
    told = "import tinyframe, tinytool, tinydep, sys; print(tinyframe.answer(), tinyframe.__file__, tinytool.__file__)"
    answer, framework, tool = site.inside(told).split()
    assert answer == "42"
    assert not framework.startswith("/opt/envkit")
    assert tool.startswith("/opt/envkit/venv/")
    assert docker("image", "inspect", "--format", "{{json .Config.Entrypoint}}", site.tag) in {"null", "[]"}


@pytest.mark.engine
def test_an_image_that_brings_another_release_is_not_built_on(site: Site) -> None:
    site.have_vendor_image("system", "1.0.1")
    ended = site.home.run("build", *ASK, "--tag", site.tag)
    assert ended.status == 5
    assert re.search(r"the base image should bring tinyframe 1\.0; \S*python3 has 1\.0\.1", ended.stderr)
