"""Which builder is taken, as far as no builder has to work for it.

`inspect-containerd` and `inspect-unreachable` are recordings, the other inspections are written after them and after
what buildx prints for these drivers.
"""

from pathlib import Path

import pytest

from envkit.engines.builders import BuilderCapabilities, ImageWish, Output
from envkit.engines.builders.choice import choose_builder
from envkit.engines.builders.probe import buildkit_capabilities, read_inspection
from envkit.engines.builders.step_lines import StepLines
from envkit.engines.builders.wishes import check_wish
from envkit.engines.protocol import ignore
from envkit.errors import EngineNotReadyError, UsageError
from envkit.generate.options import Dialect

INSPECTIONS = Path(__file__).parent / "buildx"


def capabilities(recording: str) -> BuilderCapabilities:
    inspected = read_inspection((INSPECTIONS / f"{recording}.txt").read_text())
    assert inspected is not None
    return buildkit_capabilities(inspected)


def test_engine_with_the_containerd_store_can_attest_and_write_oci_archives() -> None:
    can = capabilities("inspect-containerd")
    assert (can.driver, can.store, can.containerd_store) == ("docker", "docker", True)
    assert (can.oci_output, can.attestations, can.cache_export, can.link, can.heredocs) == (True,) * 5
    assert can.platforms is not None
    assert can.platforms[0] == "linux/amd64"
    assert can.cost == ()


def test_engine_with_its_own_store_can_do_neither() -> None:
    can = capabilities("inspect-graphdriver")
    assert (can.store, can.containerd_store) == ("docker", False)
    assert (can.oci_output, can.attestations, can.cache_export) == (False,) * 3
    assert can.link


def test_engine_that_tells_its_own_version_has_a_buildkit_without_link() -> None:
    can = capabilities("inspect-engine-20")
    assert (can.link, can.heredocs, can.dialect) == (False, False, Dialect.PORTABLE)
    assert any("20.10.24" in sentence for sentence in can.cost)


@pytest.mark.parametrize("recording", ["inspect-container", "inspect-kubernetes"])
def test_builder_apart_from_the_engine_costs_the_way_of_the_image(recording: str) -> None:
    can = capabilities(recording)
    assert can.store is None
    assert can.attestations
    assert any("brought here" in sentence for sentence in can.cost)


def test_builder_that_cannot_be_reached_is_read_with_its_reason() -> None:
    inspected = read_inspection((INSPECTIONS / "inspect-unreachable.txt").read_text())
    assert inspected is not None
    assert inspected.error is not None
    assert "Cannot connect" in inspected.error


@pytest.mark.parametrize("text", ["", "podman version 4.3.1\n", "ERROR: no builder found\n"])
def test_what_is_no_inspection_is_none(text: str) -> None:
    assert read_inspection(text) is None


@pytest.mark.parametrize(
    ("wish", "lacking"),
    [
        (ImageWish(tags=("a:1",), output=Output.OCI, path="/x"), "OCI"),
        (ImageWish(tags=("a:1",), provenance=True), "provenance"),
        (ImageWish(tags=("a:1",), cache_to=("type=registry,ref=a/b",)), "cache"),
    ],
)
def test_wish_beyond_a_builder_is_refused_before_anything_is_sent(wish: ImageWish, lacking: str) -> None:
    with pytest.raises(UsageError, match=lacking) as refusal:
        check_wish("default", capabilities("inspect-graphdriver"), wish)
    assert refusal.value.hints
    check_wish("default", capabilities("inspect-containerd"), wish)


@pytest.mark.parametrize("store", ["docker", "podman", None])
def test_without_any_builder_the_error_says_what_is_wrong_with_each(
    store: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("BUILDX_BUILDER", raising=False)
    monkeypatch.setenv("BUILDKIT_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(EngineNotReadyError, match="nothing here can build") as refusal:
        choose_builder(None, store, ignore)
    text = "\n".join(refusal.value.facts)
    assert "buildx" in text
    assert "`podman`" in text
    assert "`buildah`" in text


def test_builder_that_was_named_is_not_replaced_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineNotReadyError, match="`podman`"):
        choose_builder("podman", "docker", ignore)
    with pytest.raises(EngineNotReadyError, match="buildx"):
        choose_builder("mine", "docker", ignore)
    with pytest.raises(EngineNotReadyError, match="part of the Docker Engine"):
        choose_builder("legacy", "podman", ignore)
    monkeypatch.delenv("BUILDKIT_HOST", raising=False)
    with pytest.raises(EngineNotReadyError, match="no address is set"):
        choose_builder("buildkit-host", "docker", ignore)
    monkeypatch.setenv("BUILDX_BUILDER", "theirs")
    with pytest.raises(EngineNotReadyError, match="buildx"):
        choose_builder(None, "docker", ignore)


BUILDAH = """\
[1/2] STEP 1/2: FROM docker.io/library/python:3.11 AS build
[1/2] STEP 2/2: RUN ["true"]
Getting image source signatures
[2/2] STEP 1/2: FROM docker.io/library/python:3.11
[2/2] STEP 2/2: RUN ["false"]
said by the step
Error: building at STEP "RUN false": while running runtime: exit status 1
"""
CLASSIC = """\
Step 1/2 : FROM python:3.11
 ---> 740babe7f808
Step 2/2 : RUN ["false"]
said by the step
The command 'false' returned a non-zero code: 1
"""


@pytest.mark.parametrize(("text", "steps"), [(BUILDAH, 4), (CLASSIC, 2)])
def test_steps_are_read_from_plain_lines(text: str, steps: int) -> None:
    lines = StepLines()
    seen = [progress for line in text.splitlines() for progress in lines.feed(line)]
    seen += lines.end()
    assert len([progress for progress in seen if not progress.finished]) == steps
    assert len([progress for progress in seen if progress.finished]) == steps
    failure = lines.failure()
    assert failure.step == '[2/2] RUN ["false"]'
    assert failure.lines[0] == "said by the step"
    assert len(failure.lines) == 2
