"""What the kernel and the file system say about NVIDIA's driver, devices and runtimes, without opening a device."""

import re

import msgspec

from envkit.detect.decoding import decode_json
from envkit.detect.pci import full_address
from envkit.detect.reading import Reading
from envkit.model.host import Device, Runtime
from envkit.system.host import Host

DRIVER_FILE = "/proc/driver/nvidia/version"
TEGRA_FILE = "/etc/nv_tegra_release"
BOARD_FILE = "/proc/device-tree/model"
_MODULE_FILE = "/sys/module/nvidia/version"
_DEVICES = "/proc/driver/nvidia/gpus"
_DRIVER = re.compile(r"\b\d{3}\.\d+(?:\.\d+)?\b")
_TEGRA = re.compile(r"R(?P<release>\d{1,4}) \(release\), REVISION: (?P<revision>[\d.]+)")
_LIBRARY = re.compile(r"libnvidia-ml\.so\.(?P<version>\d{3}\.\d+(?:\.\d+)?)$")
_LIBRARY_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")
_TOOLKIT_FOLDER = re.compile(r"cuda(-\d+\.\d+)?")
_NUMBER = re.compile(r"\d+\.\d+(?:\.\d+)?")


class _Component(msgspec.Struct):
    version: str


class _Toolkit(msgspec.Struct):
    cuda: _Component


def read_driver(host: Host) -> Reading:
    """Return the kernel module's version and kind, and the devices that it serves.

    Sources, in order: 1. /proc/driver/nvidia/version, whose line also says open or not; 2. /sys/module/nvidia/version.

    NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build  (builder@machine)
    """
    read = host.read(DRIVER_FILE)
    line = next((line for line in (read.text or "").splitlines() if line.startswith("NVRM version")), "")
    match = _DRIVER.search(line)
    if match is not None:
        kind = "open" if "Open Kernel Module" in line else "proprietary"
        return Reading(source=DRIVER_FILE, driver=match[0], driver_kind=kind, devices=_devices(host))
    module = host.read(_MODULE_FILE)
    match = _DRIVER.search(module.text or "")
    if match is not None:
        return Reading(source=_MODULE_FILE, driver=match[0], devices=_devices(host))
    return Reading(source=DRIVER_FILE, failure=read.failure or "no version in it")


def _devices(host: Host) -> tuple[Device, ...]:
    """Read /proc/driver/nvidia/gpus/0000:1b:00.0/information.

    Model: 		 NVIDIA H100 80GB HBM3
    Device Minor: 	 0
    """
    devices = []
    for name in host.names(_DEVICES) or ():
        text = host.read(f"{_DEVICES}/{name}/information").text or ""
        lines = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
        minor = lines.get("Device Minor", "")
        model = lines.get("Model", "")
        address = full_address(name)
        if address is not None:
            devices.append(
                Device(
                    vendor="nvidia",
                    name=model if model and not model.startswith("Unknown") else None,
                    pci_address=address,
                    kernel_driver="nvidia",
                    nodes=(f"/dev/nvidia{minor}",) if re.fullmatch(r"\d{1,9}", minor) else None,
                )
            )
    return tuple(devices)


def library_version(host: Host) -> str | None:
    """Return the version of NVML's library, which the name of its file ends with: libnvidia-ml.so.570.124.06."""
    paths = (host.real_path(f"{folder}/libnvidia-ml.so.1") for folder in _LIBRARY_FOLDERS)
    matches = (_LIBRARY.search(path) for path in paths if path is not None)
    return next((match["version"] for match in matches if match is not None), None)


def read_tegra(host: Host) -> Reading | None:
    """Return the one GPU of a Jetson, or None on another machine; its driver is part of the system release.

    # R36 (release), REVISION: 4.7, GCID: …        makers append lines of their own
    """
    if tegra_release(host) is None:
        return None
    # The kernel ends the text of a device tree with NUL.
    board = (host.read(BOARD_FILE).text or "").strip("\0\n ")
    device = Device(vendor="nvidia", index=0, name=board or None, kernel_driver="nvgpu")
    return Reading(source=BOARD_FILE, devices=(device,))


def tegra_release(host: Host) -> str | None:
    """Return the release of Jetson Linux, `36.4.7`, or None on another machine."""
    match = _TEGRA.search(host.read(TEGRA_FILE).text or "")
    return None if match is None else f"{match['release']}.{match['revision']}"


def read_runtimes(host: Host) -> tuple[Runtime, ...] | None:
    """Return the CUDA toolkits below /usr/local, each once, or None when that cannot be listed."""
    names = host.names("/usr/local")
    if names is None:
        return None
    found: dict[str, Runtime] = {}
    for name in names:
        folder = f"/usr/local/{name}"
        version = _toolkit(host, folder) if _TOOLKIT_FOLDER.fullmatch(name) else None
        if version is not None:
            found.setdefault(host.real_path(folder) or folder, Runtime(name="cuda", version=version, path=folder))
    return tuple(found.values())


def _toolkit(host: Host, folder: str) -> str | None:
    """Read `version.json`: {"cuda": {"version": "12.4.1"}}, or `version.txt` up to 10.2: CUDA Version 10.2.89."""
    text = host.read(f"{folder}/version.json").text
    if text is not None:
        document = decode_json(text, _Toolkit)
        text = "" if document is None else document.cuda.version
    else:
        text = host.read(f"{folder}/version.txt").text or ""
    match = _NUMBER.search(text)
    return None if match is None else match[0]
