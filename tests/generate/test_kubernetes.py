"""Objects of a cluster: valid by the published schemas, without privilege, and with text that stays text."""

import re
from collections.abc import Callable
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from envkit.errors import DataError, UnsafeTextError, UnsatisfiableError
from envkit.generate import generate_artifacts
from envkit.generate.options import Kind, Options
from envkit.model.plan import DeviceRequest, Mount, Plan, RunSettings

MakePlan = Callable[..., Plan]
HOSTILE = (
    "$(HOME) $$(HOME) $HOME $$ $",
    "`id` ${x} 'a' \"b\" \\",
    "{{ .Values.x }} a: b # c",
    "- &x *x !!python/name:os",
    "",
    " on ",
    "0x1F",
)


def objects(plan: Plan, kind: Kind = Kind.JOB, image: str | None = None) -> dict[str, Any]:
    (file,) = generate_artifacts(plan, "kubernetes", Options(kind=kind, image=image)).files
    assert file.path == f"{kind}.yaml"
    return {document["kind"]: document for document in yaml.safe_load_all(file.text)}


def pod(plan: Plan, kind: Kind = Kind.POD) -> dict[str, Any]:
    document = objects(plan, kind)[kind.value.capitalize()]
    spec: dict[str, Any] = document["spec"] if kind is Kind.POD else document["spec"]["template"]["spec"]
    return spec


def expanded(text: str) -> str:
    """Return text as a cluster hands it to a container that has none of the variables it may name."""
    return re.sub(r"\$(\$|\([^)]*\))?", lambda found: "$" if found[1] in {None, "$"} else found[0], text)


def test_every_kind_is_valid_for_every_machine_and_recipe(output_plan: Plan) -> None:
    for kind in Kind:
        for document in objects(output_plan, kind).values():
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_a_pod_has_no_privilege(output_plan: Plan) -> None:
    for kind in Kind:
        spec = pod(output_plan, kind)
        (container,) = spec["containers"]
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not any("hostPath" in volume for volume in spec.get("volumes", ()))
        assert not {"hostNetwork", "hostIPC", "hostPID"} & spec.keys()


@pytest.mark.parametrize("kind", Kind)
def test_devices_are_asked_for_by_the_resource_of_the_vendor(container_plan: MakePlan, kind: Kind) -> None:
    request = DeviceRequest(count=2, resource="amd.com/gpu")
    (container,) = pod(container_plan(vendor="amd", devices=request), kind)["containers"]
    assert container["resources"] == {"limits": {"amd.com/gpu": 2}}


def test_the_processor_asks_for_no_device(container_plan: MakePlan) -> None:
    (container,) = pod(container_plan())["containers"]
    assert "resources" not in container


def test_devices_are_never_left_out_silently(container_plan: MakePlan) -> None:
    with pytest.raises(UnsatisfiableError, match="new-vendor"):
        pod(container_plan(vendor="new-vendor", devices=DeviceRequest(count=1)))


def test_nodes_are_chosen_by_architecture_and_preferred_by_device(container_plan: MakePlan) -> None:
    request = DeviceRequest(
        count=1, resource="nvidia.com/gpu", product_label="nvidia.com/gpu.product", products=("NVIDIA H100 80GB HBM3",)
    )
    spec = pod(container_plan(devices=request, platform="linux/arm64"))
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}
    (term,) = spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["preference"]["matchExpressions"] == [
        {"key": "nvidia.com/gpu.product", "operator": "In", "values": ["NVIDIA-H100-80GB-HBM3"]}
    ]


def test_a_device_whose_name_is_no_label_prefers_no_node(container_plan: MakePlan) -> None:
    request = DeviceRequest(products=("GPU (unknown)",), product_label="nvidia.com/gpu.product")
    assert "affinity" not in pod(container_plan(devices=request))


def test_runtime_class_and_user_of_the_driver_are_named(container_plan: MakePlan) -> None:
    spec = pod(container_plan(devices=DeviceRequest(runtime_class="ascend", user=1234)))
    assert spec["runtimeClassName"] == "ascend"
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["runAsGroup"]) == (1234, 1234)


def test_shared_memory_is_a_volume_in_memory(container_plan: MakePlan) -> None:
    spec = pod(container_plan(run=RunSettings(shared_memory="512m")))
    assert spec["volumes"] == [{"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "512Mi"}}]
    assert spec["containers"][0]["volumeMounts"] == [{"name": "memory", "mountPath": "/dev/shm"}]  # noqa: S108 - is meant


def test_a_job_runs_the_proof_and_nothing_else(container_plan: MakePlan) -> None:
    found = objects(container_plan(run=RunSettings(command=("python", "serve.py"))))
    spec = found["Job"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert container["args"] == ["python", "-I", "/opt/envkit-proof/smoke.py"]
    assert spec["backoffLimit"] == 0
    compile(found["ConfigMap"]["data"]["smoke.py"], "smoke.py", "exec")
    assert spec["template"]["spec"]["volumes"] == [
        {"name": "proof", "configMap": {"name": found["ConfigMap"]["metadata"]["name"]}}
    ]


def test_a_deployment_is_reached_by_its_ports_inside_the_cluster(container_plan: MakePlan) -> None:
    found = objects(container_plan(run=RunSettings(ports=(8888,))), Kind.DEPLOYMENT)
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Service"]["spec"]["selector"].items() <= labels.items()
    assert found["Service"]["spec"]["ports"] == [{"name": "port-8888", "port": 8888, "targetPort": 8888}]
    assert "type" not in found["Service"]["spec"]
    assert found["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    assert "Service" not in objects(container_plan(), Kind.DEPLOYMENT)


def test_the_image_is_the_one_given_or_named_after_the_environment(container_plan: MakePlan) -> None:
    given = f"registry.example.com:5000/team/demo@sha256:{'2' * 64}"
    named = objects(container_plan(name="My_Env.1"), Kind.POD, given)["Pod"]
    assert named["spec"]["containers"][0]["image"] == given
    assert named["metadata"]["name"] == "my-env-1"
    assert pod(container_plan(name="My_Env.1"))["containers"][0]["image"] == "my-env-1:latest"


@pytest.mark.parametrize("image", ["demo", "demo:latest --privileged", "a\nb:1", "$(x):1", "-x:1"])
def test_what_is_no_reference_of_an_image_is_refused(container_plan: MakePlan, image: str) -> None:
    with pytest.raises(DataError):
        objects(container_plan(), Kind.POD, image)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_reaches_the_container_unchanged(container_plan: MakePlan, text: str) -> None:
    settings = RunSettings(environment={"VALUE": text}, command=("echo", text))
    (container,) = pod(container_plan(run=settings, labels={"dev.envkit.name": text}))["containers"]
    assert [expanded(word) for word in container["args"]] == ["echo", text]
    assert expanded(container["env"][0]["value"]) == text


@pytest.mark.parametrize("text", ["a\nkind: Pod", "nul\x00", "bidi\u202e"])
def test_control_characters_are_refused(container_plan: MakePlan, text: str) -> None:
    for settings in (RunSettings(environment={"VALUE": text}), RunSettings(command=(text,))):
        with pytest.raises(UnsafeTextError):
            pod(container_plan(run=settings))
    with pytest.raises(UnsafeTextError):
        pod(container_plan(mounts=(Mount(source=text, target="/data"),)))


@pytest.mark.parametrize("name", ["A B", "1X", "X=Y", "X\nY", ""])
def test_what_is_no_name_of_a_variable_is_refused(container_plan: MakePlan, name: str) -> None:
    with pytest.raises(DataError):
        pod(container_plan(run=RunSettings(environment={name: "x"})))


@pytest.mark.parametrize("size", ["8 g", "8gb", "-1g", "0", "", "8g\n"])
def test_what_is_no_size_of_memory_is_refused(container_plan: MakePlan, size: str) -> None:
    with pytest.raises(DataError, match="a size of memory"):
        pod(container_plan(run=RunSettings(shared_memory=size)))


def test_mounts_of_this_machine_are_left_out_and_named(container_plan: MakePlan) -> None:
    plan = container_plan(
        mounts=(Mount(source="/srv/data", target="/data"),), devices=DeviceRequest(groups=("render",))
    )
    heading = generate_artifacts(plan, "kubernetes").files[0].text.split("apiVersion")[0]
    assert "/srv/data, seen as /data" in heading
    assert "render" in heading
