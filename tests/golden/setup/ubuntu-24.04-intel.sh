#!/bin/sh
# What is missing on ubuntu 24.04, as `envkit host setup` sees it. Read it before you run it.
set -eu

if [ "$(id -u)" -eq 0 ] && ! command -v sudo >/dev/null; then
  sudo() { "$@"; }
fi

# Load Intel's graphics driver
# Why: driver-missing: /sys/bus/pci/devices/0000:00:00.0 has no driver bound
# Source: The vendors' own installation guides by name; their packages need a login; from general knowledge, not run
# (2026-11-22)
# where neither module knows the device, a newer kernel does
sudo modprobe xe || sudo modprobe i915
