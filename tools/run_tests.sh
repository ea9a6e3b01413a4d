#!/usr/bin/env bash
# Run the tests in the repository's own environment, which is made first if need be.
#
#   bash tools/run_tests.sh [pytest arguments]      e.g.  -m 'not slow'   or   tests/evaluation
#
# Tests on real data and on reference outputs run when MMIRSTD_DATA and MMIRSTD_REFERENCE name
# their folders, and say so when they skip.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$(bash "$root/tools/setup_env.sh")
for variable in MMIRSTD_DATA MMIRSTD_REFERENCE; do
    # pytest starts in the repository: relative folders are meant from where the user is.
    [[ -z ${!variable:-} ]] || export "$variable=$(realpath -m "${!variable}")"
done
cd "$root"
# One process per core, of one thread each: most of the time goes into starting and tracing, which
# threads do not help. More than four would want much memory. `-n 0` runs all in one process.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "$venv/bin/python" -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile "$@"
