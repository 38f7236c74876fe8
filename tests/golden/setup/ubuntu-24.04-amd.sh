#!/bin/sh
# What is missing on ubuntu 24.04, as `envkit host setup` sees it. Read it before you run it.
set -eu

if [ "$(id -u)" -eq 0 ] && ! command -v sudo >/dev/null; then
  sudo() { "$@"; }
fi

# Load AMD's driver, which is part of the kernel
# Why: driver-missing: /sys/bus/pci/devices/0000:00:00.0 has no driver bound
# Source: rocm.docs.amd.com/projects/install-on-linux/en/docs-6.4.3/install/quick-start.html (linux-modules-extra,
# groups); wiki.debian.org/AtiHowTo; from general knowledge where not there, not run (2026-11-22)
sudo apt-get update && sudo apt-get install -y "linux-modules-extra-$(uname -r)"
sudo modprobe amdgpu
