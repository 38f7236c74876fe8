#!/bin/sh
# Written by envkit from a plan: makes an environment of Python, installs exactly what is locked, and proves it.
#   sh install.sh [DIRECTORY]    DIRECTORY: of the environment, `.venv` beside this script unless it is given
# It takes the Python that PYTHON names, else the one that the lock is for, else what uv brings. Indexes, mirrors,
# wheelhouses, proxies and certificates are those that pip, or else uv, is set to on this machine.
# Expected of the distribution: ffmpeg git libgomp1
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
environment=${1:-$here/.venv}
version=3.12
program=python3.12
architecture=x86_64
glibc=2.28

fail() {
  printf 'error: %s\n' "$1" >&2
  exit 4
}

[ "$(uname -m)" = "$architecture" ] || fail "the lock is for another processor, $architecture: $(uname -m)"
here_glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/^glibc //') || true
if [ -n "$glibc" ] && [ -n "$here_glibc" ]; then
  oldest=$(printf '%s\n%s\n' "$glibc" "$here_glibc" | sort -t . -k 1,1n -k 2,2n | head -n 1)
  [ "$oldest" = "$glibc" ] || fail "the lock is for glibc $glibc or newer: $here_glibc"
fi

usable() { # PROGRAM: a Python of the right version that can make environments
  command -v "$1" >/dev/null 2>&1 &&
    "$1" -c 'import ensurepip, sys, venv; v = sys.version_info; sys.exit(f"{v[0]}.{v[1]}{sys.abiflags}" != sys.argv[1])' \
      "$version" 2>/dev/null
}

install() { # COMMAND...: how pip or uv installs into the environment
  "$@" install --require-hashes --no-deps --only-binary :all: \
    --extra-index-url https://abetlen.github.io/llama-cpp-python/whl/cpu \
    --requirement "$here/requirements.lock"
}

python=
for candidate in ${PYTHON:+"$PYTHON"} "$program" python3; do
  if usable "$candidate"; then
    python=$candidate
    break
  fi
done

if [ -n "$python" ]; then
  "$python" -m venv --clear -- "$environment"
  install "$environment/bin/python" -m pip --disable-pip-version-check
elif command -v uv >/dev/null 2>&1; then
  uv venv --clear --python "$version" -- "$environment"
  # Every index may serve every package: the lock names the one file that is taken.
  export UV_INDEX_STRATEGY=unsafe-best-match VIRTUAL_ENV="$environment"
  install uv pip
else
  fail "neither $program with its module venv nor uv is on the search path; PYTHON=/path/of/python names one"
fi

"$environment/bin/python" "$here/smoke.py"
printf 'ready: . %s/bin/activate\n' "$environment"
