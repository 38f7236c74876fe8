#!/bin/sh
# What is missing on ubuntu 24.04, as `envkit host setup` sees it. Read it before you run it.
set -eu

if [ "$(id -u)" -eq 0 ] && ! command -v sudo >/dev/null; then
  sudo() { "$@"; }
fi

# Install what builds kernel modules for the running kernel
# Why: `ascend-driver` needs it
# Source: Package names of kernel headers: documentation of the distributions; from general knowledge, not run
# (2026-11-22)
sudo apt-get update && sudo apt-get install -y gcc make "linux-headers-$(uname -r)"

# Install Huawei's Ascend driver
# Why: driver-missing: /sys/bus/pci/devices/0000:00:00.0 has no driver bound
# Source: hiascend.com CANN community edition 9.1, installing the NPU driver and firmware (user HwHiAiUser, --full
# --install-for-all, driver before firmware); not run (2026-11-22)
sudo apt-get update && sudo apt-get install -y gcc make dkms
getent group HwHiAiUser >/dev/null || sudo groupadd HwHiAiUser
id HwHiAiUser >/dev/null 2>&1 || sudo useradd -g HwHiAiUser -d /home/HwHiAiUser -m -s /bin/bash HwHiAiUser
# download the driver and the firmware for this card and processor into this folder:
# https://www.hiascend.com/hardware/firmware-drivers
sudo sh ./Ascend-hdk-*-npu-driver_*_linux-"$(uname -m)".run --full --install-for-all
sudo sh ./Ascend-hdk-*-npu-firmware_*.run --full

printf '%s\n' 'Now restart the machine, then type: envkit host setup' >&2
