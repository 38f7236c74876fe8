#!/bin/sh
# What is missing on ubuntu 24.04, as `envkit host setup` sees it. Read it before you run it.
set -eu

if [ "$(id -u)" -eq 0 ] && ! command -v sudo >/dev/null; then
  sudo() { "$@"; }
fi

# Install what builds kernel modules for the running kernel
# Why: `cambricon-driver` needs it
# Source: Package names of kernel headers: documentation of the distributions; from general knowledge, not run
# (2026-11-22)
sudo apt-get update && sudo apt-get install -y gcc make "linux-headers-$(uname -r)"

# Install Cambricon's driver
# Why: driver-missing: /sys/bus/pci/devices/0000:00:00.0 has no driver bound
# Source: The vendors' own installation guides by name; their packages need a login; from general knowledge, not run
# (2026-11-22)
# download cambricon-mlu-driver into this folder: https://developer.cambricon.com
sudo apt-get install -y ./cambricon-mlu-driver*.deb
sudo modprobe cambricon-drv
