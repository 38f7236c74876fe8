#!/bin/sh
# Installs packages of the distribution into an image, and leaves neither logs nor caches nor the time of the build.
#
# Called as: install_packages.sh MANAGER SOURCES, as root. Beside it lies `system_packages.txt`: one package to a line, as
# MANAGER takes it. What may lie there as well, and never reaches the image: `sources/SOURCES`, in place of the package
# sources that the image names, and `ca.pem`, the certificates to trust instead of the image's.
set -eu

here=$(dirname "$0")
sources=$here/sources/$2
certificates=$here/ca.pem
mark=$(mktemp)

use_apt() {
    if [ -e "$sources" ]; then
        set -- -o "Dir::Etc::SourceList=$sources" -o Dir::Etc::SourceParts=- "$@"
    fi
    if [ -e "$certificates" ]; then
        set -- -o "Acquire::https::CAInfo=$certificates" "$@"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root "$@"
}

# dnf, and those that take its words
use_dnf() {
    program=$1
    shift
    if [ -e "$sources" ]; then
        set -- "--setopt=reposdir=$here/sources" "$@"
    fi
    if [ -e "$certificates" ]; then
        set -- "--setopt=sslcacert=$certificates" "$@"
    fi
    "$program" -y --setopt=install_weak_deps=0 --setopt=tsflags=nodocs "$@"
}

install_packages() {
    manager=$1
    shift
    case $manager in
    apt)
        use_apt update
        use_apt install --no-install-recommends -- "$@"
        ;;
    dnf | microdnf | yum)
        use_dnf "$manager" install "$@"
        ;;
    *)
        echo "install_packages.sh: no such package manager: $manager" >&2
        exit 2
        ;;
    esac
}

remove_traces() {
    rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/cache/apt/*.bin /var/cache/debconf/*-old
    rm -rf /var/lib/dpkg/*-old /var/log/apt/*
    rm -rf /var/cache/dnf/* /var/cache/yum/* /var/cache/libdnf5/* /var/lib/dnf/history.sqlite* /var/log/dnf* /var/log/hawkey*
    rm -rf /var/log/*.log /var/cache/ldconfig/aux-cache
}

# What the builder mounts is not the image's.
settle_times() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path "$here" -o -path /etc/resolv.conf \
        -o -path /etc/hosts -o -path /etc/hostname \) -prune \
        -o -newer "$mark" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

manager=$1
set --
while read -r package; do
    set -- "$@" "$package"
done <"$here/system_packages.txt"
install_packages "$manager" "$@"
remove_traces
if command -v find >/dev/null; then
    settle_times
fi
rm -f "$mark"
