#!/bin/sh
# Installs envkit into .venv of this checkout, with nothing but Python 3.11 or newer present.
#   sh install.sh          envkit itself
#   sh install.sh --dev    envkit in editable form, with all that its tests and checks need
set -eu
cd "$(dirname "$0")"

python=
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
  if command -v "$candidate" >/dev/null 2>&1 &&
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "install.sh: needs Python 3.11 or newer, found none on PATH" >&2
  exit 4
fi

# Debian and Ubuntu keep venv's ensurepip in a package of its own.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "install.sh: this Python has no ensurepip; install your system's package for venv: $python" >&2
    exit 4
  fi
  root=
  [ "$(id -u)" = 0 ] || root=sudo
  $root apt-get update -q
  $root apt-get install -q -y --no-install-recommends "python$version-venv"
fi

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  "$python" -m venv --clear .venv
fi
if [ "${1:-}" = --dev ]; then
  .venv/bin/python -m pip install --quiet --editable '.[test,lint]'
else
  .venv/bin/python -m pip install --quiet .
fi
echo "installed: $(pwd)/.venv/bin/envkit ($(.venv/bin/envkit --version))"
