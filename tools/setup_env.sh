#!/usr/bin/env bash
# Make the virtual environment of this repository and install the package into it.
#
#   bash tools/setup_env.sh            prints the folder of the environment as its last line
#
# quickstart.sh and run_tests.sh call it by themselves. It does nothing when the environment is up
# to date, repeats what was interrupted, and leaves everything outside the environment alone.
#   MMIRSTD_VENV=DIR   another folder than .venv in the repository
#   PYTHON=PATH        the interpreter to build it with (3.10 to 3.13)
# pip's own variables and configuration (proxies, mirrors, caches) act as usual.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${MMIRSTD_VENV:-$root/.venv}
stamp=$venv/.mmirstd-installed

say() { printf '[setup] %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}

if [[ ! -f $root/pyproject.toml || ! -f $root/requirements/default.txt ]]; then
    die "$root is not a checkout of the repository (no pyproject.toml): run the script from one."
fi

suits() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() {
    local candidate candidates=(python3 python3.13 python3.12 python3.11 python3.10 python)
    [[ -z ${PYTHON:-} ]] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        if suits "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    say "Python 3.10, 3.11, 3.12 or 3.13 is needed. Tried ${candidates[*]};" \
        "the first says: $("${candidates[0]}" --version 2>&1 || true)."
    die "Install one, or name it: PYTHON=/path/to/python bash $0"
}

fingerprint() {
    cat "$root"/requirements/*.txt "$root/pyproject.toml" "$root/tools/setup_env.sh" |
        "$venv/bin/python" -c '
import hashlib, sys
print(sys.version_info[:2], sys.argv[1], hashlib.sha256(sys.stdin.buffer.read()).hexdigest())' "$root"
}

if [[ -e $venv ]] && ! suits "$venv/bin/python"; then
    [[ -f $venv/pyvenv.cfg ]] ||
        die "$venv exists and is not a virtual environment: remove it or set MMIRSTD_VENV=DIR."
    say "$venv does not work any more (interpreter moved or removed): making it again."
    rm -rf "$venv"
fi
if [[ ! -e $venv ]]; then
    python=$(find_python)
    say "making $venv with $("$python" --version)"
    "$python" -m venv "$venv" || {
        rm -rf "$venv"
        die "$python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"
    }
fi

if [[ ! -f $stamp || $(<"$stamp") != "$(fingerprint)" ]]; then
    rm -f "$stamp"
    pip=("$venv/bin/python" -m pip --disable-pip-version-check)
    say "installing requirements/default.txt (once; some minutes, about 7 GB with torch's GPU libraries)"
    # One command, so that pip chooses torch and torchvision together. Without compiled operators
    # even where a compiler is found.
    MMCV_WITH_OPS=0 "${pip[@]}" install --quiet -r "$root/requirements/default.txt" ||
        die "The installation failed, see above. It needs a Python package index; offline, point pip
to a folder of wheels with PIP_NO_INDEX=1 PIP_FIND_LINKS=DIR. Then run the command again."
    # onedl-mmcv pulls in opencv-python, which overwrites the headless build and cannot be imported
    # on a server without libGL. They share the folder cv2, so both go and one comes back.
    opencv=$(grep -o '^opencv-python-headless==[^ ]*' "$root/requirements/default.txt")
    "${pip[@]}" uninstall --quiet --yes opencv-python opencv-python-headless
    "${pip[@]}" install --quiet --no-deps "$opencv"
    "${pip[@]}" install --quiet --no-deps -r "$root/requirements/no_deps.txt"
    "${pip[@]}" install --quiet --no-deps --no-build-isolation --editable "$root"
    "$venv/bin/python" -c 'import cv2, mmseg.models, mmirstd.registry' ||
        die "The installation is not usable, see above. Remove $venv and run the command again."
    fingerprint >"$stamp"
    say "done"
fi
printf '%s\n' "$venv"
