#!/bin/sh
# What is missing on ubuntu 24.04, as `envkit host setup` sees it. Read it before you run it.
set -eu

if [ "$(id -u)" -eq 0 ] && ! command -v sudo >/dev/null; then
  sudo() { "$@"; }
fi

# Install what builds kernel modules for the running kernel
# Why: `aws-neuron-driver` needs it
# Source: Package names of kernel headers: documentation of the distributions; from general knowledge, not run
# (2026-11-22)
sudo apt-get update && sudo apt-get install -y gcc make "linux-headers-$(uname -r)"

# Install AWS's Neuron driver
# Why: driver-missing: /sys/bus/pci/devices/0000:00:00.0 has no driver bound
# Source: awsdocs-neuron.readthedocs-hosted.com v2.33.0 setup (apt) and v2.9.1 (yum); not run (2026-11-22)
sudo apt-get update && sudo apt-get install -y ca-certificates curl gnupg
sudo install -m 0755 -d /etc/apt/keyrings
curl -fsSL https://apt.repos.neuron.amazonaws.com/GPG-PUB-KEY-AMAZON-AWS-NEURON.PUB | sudo gpg --batch --yes --dearmor -o /etc/apt/keyrings/neuron.gpg
echo "deb [signed-by=/etc/apt/keyrings/neuron.gpg] https://apt.repos.neuron.amazonaws.com $(sed -n s/^VERSION_CODENAME=//p /etc/os-release) main" | sudo tee /etc/apt/sources.list.d/neuron.list >/dev/null
sudo apt-get update && sudo apt-get install -y aws-neuronx-dkms aws-neuronx-tools
sudo modprobe neuron
