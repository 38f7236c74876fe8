"""An environment in a cluster: `job.yaml` with its proof, `pod.yaml`, or `deployment.yaml`.

Reference: https://kubernetes.io/docs/reference/kubernetes-api/
"""

import re

from envkit.errors import UnsatisfiableError
from envkit.generate.naming import dns_label, memory_size, pushed_image
from envkit.generate.options import Kind, Options
from envkit.generate.quoting import variable_name
from envkit.generate.smoke import FILE, smoke_file
from envkit.generate.yaml_text import YamlValue, yaml_text
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan
from envkit.model.text import check_text

OPTIONS = ("image", "kind")
_USER = 1000  # the image's own
_PROOF = "/opt/envkit-proof"
_KEEP_SECONDS = 3600
_UNITS = {"b": "", "k": "Ki", "m": "Mi", "g": "Gi"}
# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_Fields = dict[str, YamlValue]


def generate_files(plan: Plan, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the objects of one kind for an environment, in one file.

    Raises `UnsatisfiableError` for devices that no plugin of a cluster offers, `DataError` and `UnsafeTextError` for a
    value that the format cannot hold.
    """
    documents = "---\n".join(yaml_text(document) for document in _documents(plan, options))
    return (GeneratedFile(path=f"{options.kind}.yaml", text=_heading(plan, options) + documents),)


def _heading(plan: Plan, options: Options) -> str:
    image = "" if options.image is not None else ", or `--image REFERENCE` says what it is named there"
    lines = [
        f"Written by envkit from a plan: kubectl apply -f {options.kind}.yaml",
        f"The cluster has to find the image{image}.",
    ]
    if plan.devices.groups:
        lines.append(
            f"Device nodes may belong to groups of the node ({', '.join(plan.devices.groups)}): where they are"
        )
        lines.append("closed to others, add the numbers that these groups have there to `supplementalGroups`.")
    lines += [
        f"Of the machine that this was planned on, and left out: {mount.source}, seen as {mount.target}"
        for mount in plan.mounts
    ]
    return "".join(f"# {check_text(line, 'a comment')}\n" for line in lines)


def _documents(plan: Plan, options: Options) -> tuple[_Fields, ...]:
    match options.kind:
        case Kind.POD:
            return (_object(plan, "v1", "Pod", _pod(plan, options)),)
        case Kind.JOB:
            return _job(plan, options)
        case Kind.DEPLOYMENT:
            return _deployment(plan, options)


def _object(plan: Plan, version: str, kind: str, spec: _Fields) -> _Fields:
    metadata: _Fields = {"name": dns_label(plan.name), "labels": _labels(plan)}
    if plan.labels and kind != "Service":
        metadata["annotations"] = plan.labels
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _labels(plan: Plan) -> dict[str, str]:
    return {"app.kubernetes.io/name": dns_label(plan.name), "app.kubernetes.io/managed-by": "envkit"}


def _job(plan: Plan, options: Options) -> tuple[_Fields, ...]:
    """Return a run of the proof, and the program that it runs."""
    name = f"{dns_label(plan.name)[:57]}-proof"
    proof = smoke_file(plan)
    program: _Fields = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": _labels(plan)},
        "data": {FILE: proof.text},
    }
    pod = _pod(plan, options, args=("python", "-I", f"{_PROOF}/{FILE}"), program=name)
    job: _Fields = {
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": _KEEP_SECONDS,
        "template": {"metadata": {"labels": _labels(plan)}, "spec": pod},
    }
    return program, _object(plan, "batch/v1", "Job", job)


def _deployment(plan: Plan, options: Options) -> tuple[_Fields, ...]:
    """Return a service that is kept running, and where it has ports, the address by which others in the cluster do."""
    selected = {"app.kubernetes.io/name": dns_label(plan.name)}
    spec: _Fields = {
        "replicas": 1,
        # A second pod would wait for devices that the first one holds.
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": selected},
        "template": {"metadata": {"labels": _labels(plan)}, "spec": _pod(plan, options, restart="Always")},
    }
    deployment = _object(plan, "apps/v1", "Deployment", spec)
    if not plan.run.ports:
        return (deployment,)
    ports: list[_Fields] = [{"name": f"port-{port}", "port": port, "targetPort": port} for port in plan.run.ports]
    return deployment, _object(plan, "v1", "Service", {"selector": selected, "ports": ports})


def _pod(
    plan: Plan, options: Options, *, args: tuple[str, ...] | None = None, program: str = "", restart: str = "Never"
) -> _Fields:
    volumes: list[_Fields] = []
    mounts: list[_Fields] = []
    if plan.run.shared_memory is not None:
        size = memory_size(plan.run.shared_memory)
        volumes.append(
            {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": f"{size.number}{_UNITS[size.unit]}"}}
        )
        mounts.append({"name": "memory", "mountPath": "/dev/shm"})  # noqa: S108 - where shared memory is, in a container
    if program:
        volumes.append({"name": "proof", "configMap": {"name": program}})
        mounts.append({"name": "proof", "mountPath": _PROOF, "readOnly": True})
    container = _container(plan, options, plan.run.command if args is None else args)
    pod: _Fields = {
        "restartPolicy": restart,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": _node_labels(plan),
        "affinity": _affinity(plan),
        "runtimeClassName": plan.devices.runtime_class,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": plan.devices.user or _USER,
            "runAsGroup": plan.devices.user or _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container | ({"volumeMounts": mounts} if mounts else {})],
        "volumes": volumes,
    }
    return {name: value for name, value in pod.items() if value not in (None, [], {})}


def _container(plan: Plan, options: Options, args: tuple[str, ...]) -> _Fields:
    container: _Fields = {
        "name": "environment",
        "image": pushed_image(plan, options.image),
        "imagePullPolicy": "IfNotPresent",
        "args": [_unexpanded(word) for word in args],
        "env": [
            {"name": variable_name(name), "value": _unexpanded(value)} for name, value in plan.run.environment.items()
        ],
        "ports": [{"containerPort": port} for port in plan.run.ports],
        "resources": _resources(plan),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {name: value for name, value in container.items() if value not in ([], {})}


def _unexpanded(text: str) -> str:
    """Return text in which a cluster puts nothing in the place of `$(NAME)`."""
    return check_text(text, "a value for a container").replace("$", "$$")


def _resources(plan: Plan) -> _Fields:
    devices = plan.devices
    if not devices.count:
        return {}
    if devices.resource is None:
        message = f"no resource is known by which a cluster offers the devices of this vendor: {plan.vendor}"
        raise UnsatisfiableError(message)
    return {"limits": {devices.resource: devices.count}}


def _node_labels(plan: Plan) -> dict[str, str]:
    system, _, architecture = plan.platform.partition("/")
    return {"kubernetes.io/os": system, "kubernetes.io/arch": architecture.partition("/")[0]}


def _affinity(plan: Plan) -> _Fields:
    """Prefer nodes with the devices that were planned for; a cluster may not have these labels: none is ruled out."""
    values = [name.replace(" ", "-") for name in plan.devices.products]
    if plan.devices.product_label is None or not values or not all(map(_LABEL_VALUE.fullmatch, values)):
        return {}
    expression: _Fields = {"key": plan.devices.product_label, "operator": "In", "values": values}
    term: _Fields = {"weight": 100, "preference": {"matchExpressions": [expression]}}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
