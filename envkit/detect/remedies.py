"""Commands that install a vendor's kernel driver, for the distribution that runs here."""

from collections.abc import Mapping

from envkit.model.host import OperatingSystem

_NVIDIA = {
    "ubuntu": ("sudo ubuntu-drivers install", "sudo reboot"),
    "debian": (
        "add the components `contrib non-free` to the Debian source of apt",
        'sudo apt update && sudo apt install "linux-headers-$(uname -r)" nvidia-driver',
        "sudo reboot",
    ),
    "fedora": ("sudo dnf install akmod-nvidia xorg-x11-drv-nvidia-cuda", "sudo reboot"),
    "rhel": ("sudo dnf module install nvidia-driver:open-dkms", "sudo reboot"),
    "suse": ("sudo zypper install nvidia-open-driver-G06-signed-kmp-default", "sudo reboot"),
    "arch": ("sudo pacman -S nvidia-open", "sudo reboot"),
}
_NVIDIA_ELSEWHERE = ("install the driver of https://www.nvidia.com/drivers", "sudo reboot")
_AMD = {
    "ubuntu": ('sudo apt install "linux-modules-extra-$(uname -r)"', "sudo modprobe amdgpu"),
    "debian": ("sudo apt install firmware-amd-graphics", "sudo modprobe amdgpu"),
}
_AMD_ELSEWHERE = ("sudo modprobe amdgpu",)
_ON_THE_HOST = ("install the driver on the host of this container, not inside it",)


def nvidia_driver(system: OperatingSystem | None) -> tuple[str, ...]:
    """Return what installs NVIDIA's driver on this distribution."""
    return _for(system, _NVIDIA, _NVIDIA_ELSEWHERE)


def amd_driver(system: OperatingSystem | None) -> tuple[str, ...]:
    """Return what loads AMD's driver, which is part of the kernel, on this distribution."""
    return _for(system, _AMD, _AMD_ELSEWHERE)


def _for(
    system: OperatingSystem | None, known: Mapping[str, tuple[str, ...]], elsewhere: tuple[str, ...]
) -> tuple[str, ...]:
    if system is None:
        return elsewhere
    if system.container is not None:
        return _ON_THE_HOST
    names = (system.id or "", *(system.id_like or ()))
    return next((known[name] for name in names if name in known), elsewhere)
