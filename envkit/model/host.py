"""Host facts, `envkit-host/1`: what a machine has, where that was read, and what could not be read."""

from enum import StrEnum

import msgspec

from envkit.model.value import Value


class Severity(StrEnum):
    """How much a finding matters to somebody who wants to use the device."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Libc(Value):
    """The C library of the host: wheels name the oldest version they run on."""

    family: str  # glibc | musl
    version: str | None = None


class OperatingSystem(Value):
    """The operating system that runs here; in a container that of the container, but the host's kernel."""

    system: str  # linux | darwin | windows
    id: str | None = None  # `ID` of os-release: ubuntu, openEuler, kylin
    id_like: tuple[str, ...] | None = None
    version: str | None = None  # `VERSION_ID` of os-release, not always a number
    name: str | None = None  # `PRETTY_NAME` of os-release
    kernel: str | None = None
    libc: Libc | None = None
    wsl: bool | None = None
    container: str | None = None  # docker | podman | lxc | … ; None also where it runs on the host itself
    secure_boot: bool | None = None


class Cpu(Value):
    """The processor of the host."""

    architecture: str  # `uname -m`: x86_64, aarch64
    vendor: str | None = None
    model: str | None = None
    level: str | None = None  # archspec's generic level: x86_64_v3
    features: tuple[str, ...] | None = None
    cores: int | None = None
    threads: int | None = None
    numa_nodes: int | None = None


class Device(Value):
    """One accelerator, also when no driver serves it."""

    vendor: str
    index: int | None = None
    name: str | None = None
    pci_address: str | None = None
    pci_id: str | None = None  # vendor:device, `10de:2330`
    architecture: str | None = None  # sm_90, gfx942, or the chip for others
    memory_mib: int | None = None
    kernel_driver: str | None = None  # the bound kernel module, which may be nouveau or vfio-pci
    nodes: tuple[str, ...] | None = None
    node_groups: tuple[int, ...] | None = None  # numbers of the groups that own the nodes
    partition_of: int | None = None  # index of the device that a MIG or CPX instance is cut from
    usable: bool | None = None  # False: a framework on this host cannot use it as things are


class Runtime(Value):
    """A user-space runtime: in `runtimes` an installed one, in `runtime_ceiling` the newest that the driver serves."""

    name: str  # cuda | rocm | cann …
    version: str
    path: str | None = None


class Stack(Value):
    """What the installed driver of one vendor is, and what it allows."""

    vendor: str
    driver: str | None = None
    driver_kind: str | None = None  # nvidia: open | proprietary; amd, intel: dkms | in-tree
    runtime_ceiling: Runtime | None = None
    runtimes: tuple[Runtime, ...] | None = None
    firmware: str | None = None  # of the devices, where all have the same
    # Nodes, files and folders that its containers are given, each with whether it exists; others are not known.
    files: dict[str, bool] = {}


class ContainerEngine(Value):
    """A container engine, and why it cannot be used when it cannot."""

    name: str  # docker | podman
    version: str | None = None
    endpoint: str | None = None  # unix:///run/docker.sock; None for podman's own command
    client: str | None = None  # path of the command line client to use
    builder: str | None = None  # buildkit | legacy | buildah
    rootless: bool | None = None
    cdi: bool | None = None
    cdi_devices: tuple[str, ...] | None = None  # names of the engine's CDI devices, `nvidia.com/gpu=all`
    runtimes: tuple[str, ...] | None = None
    usable: bool | None = None
    reason: str | None = None  # why it is not usable
    obstacle: str | None = None  # its kind: no-client | daemon-down | no-permission | too-old | no-builder | no-context
    remedy: tuple[str, ...] = ()
    elsewhere: bool = False  # True: the daemon runs on another machine than this one
    host: "HostFacts | None" = None  # that machine; None: it was not looked at, or it is this one


class Python(Value):
    """A Python interpreter of the host."""

    version: str
    path: str


class Mask(Value):
    """An environment variable by which frameworks see fewer devices than there are; the devices stay usable."""

    vendor: str
    variable: str  # CUDA_VISIBLE_DEVICES
    value: str
    devices: tuple[int, ...] | None = None  # indices that stay visible; None: the value cannot be mapped to them
    container: bool = False  # only container runtimes read it: it says what this container was given


class Finding(Value):
    """Something that is wrong on the host, with what shows it and what mends it."""

    id: str
    severity: Severity
    fact: str  # path of the fact it is about: devices[1]
    evidence: str
    cause: str
    remedy: tuple[str, ...] = ()


class Evidence(Value):
    """Where a fact was read, and what stood there."""

    fact: str
    source: str
    raw: str | None = None


class Gap(Value):
    """A fact that could not be read from one source, and why."""

    fact: str
    source: str
    reason: str


class HostFacts(Value, tag_field="format", tag="envkit-host/1"):
    """Everything known about one machine; a missing field is unknown, an empty tuple is none."""

    os: OperatingSystem | None = None
    cpu: Cpu | None = None
    memory_mib: int | None = None
    disk_free_mib: int | None = None  # where environments are stored
    devices: tuple[Device, ...] | None = None
    stacks: tuple[Stack, ...] | None = None
    engines: tuple[ContainerEngine, ...] | None = None
    pythons: tuple[Python, ...] | None = None
    masks: tuple[Mask, ...] = ()  # in the order in which they apply
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def stack(self, vendor: str) -> Stack | None:
        """Return the driver stack of one vendor, or None when there is none or it is not known."""
        return next((stack for stack in self.stacks or () if stack.vendor == vendor), None)

    def masks_of(self, vendor: str) -> tuple[Mask, ...]:
        """Return the variables that hide devices of one vendor from programs of this shell; containers have none."""
        return tuple(mask for mask in self.masks if mask.vendor == vendor and not mask.container)

    def visible(self, vendor: str) -> tuple[int, ...] | None:
        """Return the indices of the devices that these variables leave, in the order in which frameworks count them.

        None where no variable is set, or where one has a value that cannot be mapped to devices.
        """
        masks = self.masks_of(vendor)
        left = [mask.devices for mask in masks if mask.devices is not None]
        if not masks or len(left) < len(masks):
            return None
        return tuple(index for index in left[-1] if all(index in devices for devices in left))

    def for_engine(self, name: str | None) -> "HostFacts":
        """Return what holds for environments of an engine: where its daemon runs elsewhere, the facts of that machine.

        None is the native one. The engines stay those that can be asked from here.
        """
        engine = next((engine for engine in self.engines or () if engine.name == name), None)
        if engine is None or not engine.elsewhere:
            return self
        # Nothing but a container can be started there, whatever Pythons that machine has.
        return msgspec.structs.replace(engine.host or HostFacts(), engines=self.engines, pythons=())
