#!/usr/bin/env bash
# From nothing to a trained and tested detector on procedural infrared scenes, on the CPU.
#
#   bash tools/quickstart.sh [options]              --help lists them
#
# Makes the repository's own environment first if need be.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$(bash "$root/tools/setup_env.sh")
cd "$root"
exec "$venv/bin/python" tools/quickstart.py "$@"
