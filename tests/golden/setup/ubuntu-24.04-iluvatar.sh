#!/bin/sh
# What is missing on ubuntu 24.04, as `envkit host setup` sees it. Read it before you run it.
set -eu

if [ "$(id -u)" -eq 0 ] && ! command -v sudo >/dev/null; then
  sudo() { "$@"; }
fi

# Install what builds kernel modules for the running kernel
# Why: `iluvatar-driver` needs it
# Source: Package names of kernel headers: documentation of the distributions; from general knowledge, not run
# (2026-11-22)
sudo apt-get update && sudo apt-get install -y gcc make "linux-headers-$(uname -r)"

# Install Iluvatar's driver
# Why: driver-missing: /sys/bus/pci/devices/0000:00:00.0 has no driver bound
# Source: The vendors' own installation guides by name; their packages need a login; from general knowledge, not run
# (2026-11-22)
# download the CoreX installer into this folder: https://support.iluvatar.com
sudo sh ./corex-installer-*.run

printf '%s\n' 'Now restart the machine, then type: envkit host setup' >&2
