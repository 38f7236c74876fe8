"""From a CDI specification on this machine to the device in a container: detection, plan, engine."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from envkit.data import load_matrix
from envkit.detect.engines import detect_engines
from envkit.model.host import Device, HostFacts
from envkit.model.request import Mode
from envkit.model.resolution import Chosen
from envkit.plan.access import plan_access
from envkit.system.live import LiveHost

if TYPE_CHECKING:
    from conftest import DockerSite

pytestmark = pytest.mark.engine
MakeWheel = Callable[..., Path]


@pytest.mark.parametrize(("vendor", "node"), [("nvidia", "/dev/nvidia0"), ("amd", "/dev/kfd")])
def test_device_of_a_specification_is_found_planned_and_seen_inside(
    docker_site: "DockerSite", make_wheel: MakeWheel, tmp_path: Path, vendor: str, node: str
) -> None:
    directory = os.environ.get("ENVKIT_TEST_CDI_DIR")
    if directory is None:
        pytest.skip("ENVKIT_TEST_CDI_DIR is not set: no directory from which the engine reads CDI specs")
    matrix = load_matrix(("pytorch",))
    known = matrix.vendor(vendor)
    assert known is not None
    assert known.access is not None
    kind = known.access.cdi_kind
    assert kind is not None
    fake = {"path": node, "hostPath": "/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666}
    devices = [{"name": "0", "containerEdits": {"deviceNodes": [fake]}}]
    spec = Path(directory) / f"envkit-{vendor}-{os.getpid()}.json"
    spec.write_bytes(msgspec.json.encode({"cdiVersion": "0.5.0", "kind": kind, "devices": devices}))
    try:
        engine = next(found for found in detect_engines(LiveHost()) or () if found.name == "docker")
        assert f"{kind}=0" in (engine.cdi_devices or ())
        facts = HostFacts(devices=(Device(vendor=vendor, index=0, nodes=("/dev/none",)),), engines=(engine,))
        chosen = Chosen(
            candidate="any",
            recipes=("pytorch",),
            vendor=vendor,
            variant="any",
            mode=Mode.CONTAINER,
            python="3.11",
            packages={},
            devices=(0,),
        )
        access = plan_access(chosen, engine, facts, matrix)
        assert access.cdi == (f"{kind}=0",)
        plan = docker_site.plan(make_wheel(tmp_path / "wheels", "tiny-demo", "1.0"), access=access)
        environment = docker_site.up(plan)
        assert docker_site.python(environment, f"print(open({node!r}, 'rb').read(2))") == "b'\\x00\\x00'\n"
    finally:
        spec.unlink()
