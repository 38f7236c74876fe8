"""Names in specification files, read without the YAML library wherever that is safe."""

import subprocess
import sys
from pathlib import Path

import pytest

from envkit.detect.cdi import devices_in_specs, read_yaml
from envkit.system.live import LiveHost

# As `nvidia-ctk cdi generate` of NVIDIA's container toolkit 1.17 writes it, shortened.
NVIDIA = """\
---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/nvidia-modeset
  - path: /dev/nvidiactl
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  hooks:
  - args:
    - nvidia-cdi-hook
    - create-symlinks
    - --link
    - ../libnvidia-allocator.so.1::/usr/lib/x86_64-linux-gnu/gbm/nvidia-drm_gbm.so
    hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
  mounts:
  - containerPath: /usr/lib/x86_64-linux-gnu/libcuda.so.570.124.06
    hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.570.124.06
    options:
    - ro
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
    - name: not-a-device
      path: /dev/dri/card1
  name: "0"
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: GPU-00000000-0000-0000-0000-000000000000
- name: all
  containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
kind: nvidia.com/gpu
"""
NAMES = ("nvidia.com/gpu=0", "nvidia.com/gpu=GPU-00000000-0000-0000-0000-000000000000", "nvidia.com/gpu=all")


def names(folder: Path) -> tuple[str, ...] | None:
    return devices_in_specs(LiveHost(), (str(folder),))


def test_a_specification_of_nvidia_ctk_is_read(tmp_path: Path) -> None:
    (tmp_path / "nvidia.yaml").write_text(NVIDIA)
    (tmp_path / "README").write_text("no specification")
    (tmp_path / "nvidia.yml").write_text("engines do not read files of this name")
    assert names(tmp_path) == NAMES


def test_both_forms_count_together(tmp_path: Path) -> None:
    (tmp_path / "nvidia.yaml").write_text(NVIDIA)
    (tmp_path / "amd.json").write_text('{"kind": "amd.com/gpu", "devices": [{"name": "all"}]}')
    assert names(tmp_path) == ("amd.com/gpu=all", *NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "kind: a.com/b\ndevices: [{name: x1}]\n",
        'devices:\n  -\n    name: "x1"\nkind: "a.com/b"\n',
        "kind: a.com/b\ndevices:\n  - name: 'x1' # the first\n",
        '{"kind": "a.com/b", "devices": [{"name": "x1"}]}',
    ],
    ids=["flow", "item-on-its-own-line", "comment", "json"],
)
def test_other_spellings_are_read_by_the_library(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert names(tmp_path) == ("a.com/b=x1",)


@pytest.mark.parametrize("text", ["", "kind: a.com/b\n", "devices: [", "- 1\n", "kind: a.com/b\ndevices:\n- x: 1\n"])
def test_what_cannot_be_read_makes_the_names_unknown(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert names(tmp_path) is None


@pytest.mark.parametrize("end", range(0, len(NVIDIA), 7))
def test_a_file_that_ends_anywhere_gives_names_or_nothing(end: int) -> None:
    found = read_yaml(NVIDIA[:end])
    assert found is None or {device.name for device in found.devices} <= {name.partition("=")[2] for name in NAMES}


def test_the_yaml_library_is_not_loaded_for_it(tmp_path: Path) -> None:
    (tmp_path / "nvidia.yaml").write_text(NVIDIA)
    program = (
        "import sys; from envkit.detect.cdi import devices_in_specs; from envkit.system.live import LiveHost;"
        f"print(len(devices_in_specs(LiveHost(), ({str(tmp_path)!r},))), 'yaml' in sys.modules)"
    )
    completed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert completed.stdout.split() == ["3", "False"]
