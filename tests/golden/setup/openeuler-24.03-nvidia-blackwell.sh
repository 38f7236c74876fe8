#!/bin/sh
# What is missing on openEuler 24.03, as `envkit host setup` sees it. Read it before you run it.
set -eu

if [ "$(id -u)" -eq 0 ] && ! command -v sudo >/dev/null; then
  sudo() { "$@"; }
fi

# Install what builds kernel modules for the running kernel
# Why: `nvidia-driver` needs it
# Source: Package names of kernel headers: documentation of the distributions; from general knowledge, not run
# (2026-11-22)
sudo dnf install -y "kernel-devel-$(uname -r)" gcc make

# Install NVIDIA's driver with the open kernel modules
# Why: driver-missing: /sys/bus/pci/devices/0000:00:00.0 has no driver bound; sm_120: branch 595, open kernel modules,
# kept up until 2027-03
# Source: docs.nvidia.com/datacenter/tesla/driver-installation-guide, editions 610, 615 and 620: kernel-modules.html
# (streams `580-open` for RHEL 8 and 9 and Amazon Linux 2023, versionlock for RHEL 10 and Fedora, `nvidia-open` and
# `cuda-drivers`), version-locking.html (Kylin 10), nvidia-driver-pinning-BRANCH for Debian; packages.ubuntu.com
# (nvidia-driver-595-server-open, nvidia-driver-580-server). SUSE's and Arch's package names and the options of the .run
# installer are general knowledge. Nothing of it was run (2026-11-22)
# NVIDIA has no packages for this system, and its installer builds the kernel modules
# download the newest `.run` file of branch 595 into this folder: https://www.nvidia.com/en-us/drivers/unix/
sudo sh ./NVIDIA-Linux-*-595.*.run --silent --dkms --kernel-module-type=open

# Install NVIDIA's container toolkit
# Why: docker has neither the runtime `nvidia` nor CDI devices of `nvidia.com/gpu`
# Source: docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html (apt, dnf, zypper) and
# cdi-support.html; pacman from general knowledge; not run (2026-11-22)
sudo curl -fsSL -o /etc/yum.repos.d/nvidia-container-toolkit.repo https://nvidia.github.io/libnvidia-container/stable/rpm/nvidia-container-toolkit.repo
sudo dnf install -y nvidia-container-toolkit
if command -v dockerd >/dev/null; then sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker; fi

printf '%s\n' 'Now restart the machine, then type: envkit host setup' >&2
