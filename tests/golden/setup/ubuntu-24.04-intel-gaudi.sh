#!/bin/sh
# What is missing on ubuntu 24.04, as `envkit host setup` sees it. Read it before you run it.
set -eu

if [ "$(id -u)" -eq 0 ] && ! command -v sudo >/dev/null; then
  sudo() { "$@"; }
fi

# Install what builds kernel modules for the running kernel
# Why: `intel-gaudi-driver` needs it
# Source: Package names of kernel headers: documentation of the distributions; from general knowledge, not run
# (2026-11-22)
sudo apt-get update && sudo apt-get install -y gcc make "linux-headers-$(uname -r)"

# Install the driver of Gaudi
# Why: driver-missing: /sys/bus/pci/devices/0000:00:00.0 has no driver bound
# Source: docs.habana.ai/en/latest/Installation_Guide/Driver_Installation.html (habanalabs-installer.sh 1.23.0 install
# --type base; it serves Ubuntu, RHEL, Amazon Linux, TencentOS and OpenCloudOS); not run (2026-11-22)
script=$(mktemp) && curl -fsSL -o "$script" https://vault.habana.ai/artifactory/gaudi-installer/1.23.0/habanalabs-installer.sh && bash "$script" install --type base && rm "$script"
sudo modprobe habanalabs

# Write a CDI specification for Gaudi
# Why: docker has neither the runtime `habana` nor CDI devices of `habana.ai/gaudi`
# Source: github.com/cncf-tags/container-device-interface SPEC.md: engines read /etc/cdi and /var/run/cdi (2026-11-22)
sudo mkdir -p /etc/cdi
specification=$(envkit cdi generate --vendor intel-gaudi) && printf '%s\n' "$specification" | sudo tee /etc/cdi/intel-gaudi.json >/dev/null
