"""Units of podman: taken by podman's own generator, without privilege, and with text that stays text."""

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.errors import DataError, UnsafeTextError, UnsatisfiableError
from envkit.generate import generate_artifacts
from envkit.generate.options import Options
from envkit.model.plan import DeviceRequest, Mount, Plan, RunSettings

MakePlan = Callable[..., Plan]
OUTPUTS = Path(__file__).parents[1] / "golden" / "outputs"
_FOLDER = os.environ.get("ENVKIT_QUADLET_DIR", "/var/tmp/envkit-quadlet")  # noqa: S108 - where `.ci/quadlet` puts it
GENERATOR = Path(_FOLDER, "quadlet")
needs_generator = pytest.mark.skipif(not GENERATOR.exists(), reason="needs podman's generator: .ci/quadlet")
HOSTILE = (
    "%h %n %% %",
    "$HOME ${PATH} $$ $",
    "`id` $(id) 'a' \"b\" \\ \\n \\x3b",
    "a ; b",
    "# comment",
    "[Service]",
    "-",
    "@x",
    "{{.Names}}",
    "\u4e2d\u6587 \u00fc",
)


def unit(plan: Plan, image: str | None = None) -> str:
    (file,) = generate_artifacts(plan, "quadlet", Options(image=image)).files
    return file.text


def values(text: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def services(folder: Path) -> dict[str, list[str]]:
    """Return what each unit of a folder starts, by the name of its service, as podman's generator has it."""
    completed = subprocess.run(
        [GENERATOR, "-dryrun", "-user"],
        env={"QUADLET_UNIT_DIRS": str(folder), "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    assert "unsupported key" not in completed.stderr
    found: dict[str, list[str]] = {}
    for line in completed.stdout.splitlines():
        if line.startswith("---"):
            name = line.strip("-")
        elif line.startswith("ExecStart="):
            found[name] = started(line.removeprefix("ExecStart="))
    return found


def started(line: str) -> list[str]:
    """Return the words of a command as systemd starts it, on a machine that has no specifiers and no variables.

    Rules: https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Command%20lines
    """
    words = shlex.split(line)
    assert ";" not in words  # it would start a second command
    return [word.replace("%%", "%").replace("$$", "$") for word in words]


def service(plan: Plan, folder: Path) -> list[str]:
    (folder / "demo.container").write_text(unit(plan), encoding="utf-8")
    return services(folder)["demo.service"]


@needs_generator
def test_podman_makes_a_service_of_every_golden_unit(tmp_path: Path) -> None:
    units = sorted(OUTPUTS.glob("*/*/quadlet/*.container"))
    assert len(units) >= 72
    for path in units:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    found = services(tmp_path)
    assert len(found) == len(units)
    for words in found.values():
        assert words[:2] == ["/usr/bin/podman", "run"]
        assert {"--cap-drop", "--security-opt=no-new-privileges"} <= set(words)
        assert not {"--privileged", "--cap-add"} & set(words)


@needs_generator
@pytest.mark.parametrize("text", HOSTILE)
def test_text_reaches_the_container_unchanged(container_plan: MakePlan, tmp_path: Path, text: str) -> None:
    settings = RunSettings(environment={"VALUE": text}, command=("echo", text, "end"))
    words = service(container_plan(run=settings), tmp_path)
    assert words[-3:] == ["echo", text, "end"]
    assert words[words.index("--env") + 1] == f"VALUE={text}"


@needs_generator
def test_a_path_with_specifiers_is_mounted_as_it_is(container_plan: MakePlan, tmp_path: Path) -> None:
    words = service(container_plan(mounts=(Mount(source="/srv/100%h$x", target="/data", read_only=True),)), tmp_path)
    assert words[words.index("-v") + 1] == "/srv/100%h$x:/data:ro"


@pytest.mark.parametrize("word", ["", ";"])
def test_words_that_podman_would_take_otherwise_are_refused(container_plan: MakePlan, word: str) -> None:
    with pytest.raises(DataError, match="cannot hold this word"):
        unit(container_plan(run=RunSettings(command=("echo", word))))


@pytest.mark.parametrize("path", ["/a b", "/a:b", '/a"b', "/a'b", "/a\\b", "/a\nExec=x", " /a"])
def test_paths_that_podman_would_split_are_refused(container_plan: MakePlan, path: str) -> None:
    for mount in (Mount(source=path, target="/data"), Mount(source="/data", target=path)):
        with pytest.raises(DataError, match="cannot mount a path"):
            unit(container_plan(mounts=(mount,)))


@pytest.mark.parametrize("text", ["a\nExec=x", "nul\x00", "bidi\u202e"])
def test_control_characters_are_refused(container_plan: MakePlan, text: str) -> None:
    for settings in (RunSettings(environment={"VALUE": text}), RunSettings(command=(text,))):
        with pytest.raises(UnsafeTextError):
            unit(container_plan(run=settings))


def test_devices_go_by_their_names_in_cdi(container_plan: MakePlan) -> None:
    devices = DeviceRequest(count=1, cdi=("nvidia.com/gpu=0",), nodes=("/dev/nvidia0",))
    text = unit(container_plan(vendor="nvidia", devices=devices))
    assert values(text, "AddDevice") == ["nvidia.com/gpu=0"]
    assert "keep-groups" not in text


def test_groups_of_the_user_are_kept_where_the_devices_are_for_a_group_alone(container_plan: MakePlan) -> None:
    devices = DeviceRequest(count=1, cdi=("amd.com/gpu=0",), groups=("video", "render"))
    text = unit(container_plan(vendor="amd", devices=devices))
    assert values(text, "AddDevice") == ["amd.com/gpu=0"]
    assert "--group-add=keep-groups" in values(text, "PodmanArgs")


def test_devices_without_such_names_go_by_nodes_with_the_groups_of_the_user(container_plan: MakePlan) -> None:
    devices = DeviceRequest(
        count=1,
        nodes=("/dev/kfd", "/dev/dri/renderD128"),
        groups=("render",),
        mounts=(Mount(source="/opt/hyhal", target="/opt/hyhal", read_only=True),),
        environment={"A": "b"},
    )
    text = unit(container_plan(vendor="hygon", devices=devices))
    assert values(text, "AddDevice") == ["/dev/kfd", "/dev/dri/renderD128"]
    assert values(text, "Volume") == ["/opt/hyhal:/opt/hyhal:ro"]
    assert values(text, "Environment") == ['"A=b"']
    assert "PodmanArgs=--group-add=keep-groups" in text


def test_devices_are_never_left_out_silently(container_plan: MakePlan) -> None:
    with pytest.raises(UnsatisfiableError, match="new-vendor"):
        unit(container_plan(vendor="new-vendor", devices=DeviceRequest(count=1)))


def test_ports_are_published_on_this_machine_alone(container_plan: MakePlan) -> None:
    text = unit(container_plan(run=RunSettings(ports=(8888, 6006))))
    assert values(text, "PublishPort") == ["127.0.0.1:8888:8888", "127.0.0.1:6006:6006"]


def test_the_image_is_the_one_given_or_built_here(container_plan: MakePlan) -> None:
    assert values(unit(container_plan()), "Image") == ["localhost/demo:latest"]
    assert values(unit(container_plan(), "registry.example.com/demo:1"), "Image") == ["registry.example.com/demo:1"]


def test_whom_the_driver_serves_is_who_runs(container_plan: MakePlan) -> None:
    text = unit(container_plan(devices=DeviceRequest(user=1234)))
    assert (values(text, "User"), values(text, "Group")) == (["1234"], ["1234"])
    assert "--userns=keep-id:uid=1234,gid=1234" in text
