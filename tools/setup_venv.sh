#!/bin/sh
# usage: setup_venv.sh PYTHON VENV LOCK
# Makes VENV if needed, installs requirements/LOCK.lock and seedfleet itself (editable) into it.
# Whatever is missing on the machine is said in one line, with what to do about it.
set -eu
python=$1 venv=$2 lock=$3

stop() {
    echo "setup: $1" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    stop "no '$python' on PATH: install Python 3.11 or newer, or run make PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "$("$python" --version) is too old: Python 3.11 or newer is needed (make PYTHON=...)"
if [ ! -x "$venv/bin/python" ]; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        stop "this Python has no venv module: on Debian and Ubuntu, apt install python3-venv"
    echo "setup: creating $venv with $("$python" --version)"
    "$python" -m venv "$venv" || stop "could not create $venv"
fi
echo "setup: installing requirements/$lock.lock into $venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "requirements/$lock.lock" ||
    stop "pip could not install the packages above: is there a network, a proxy or an index to reach?"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-deps --no-build-isolation --editable . ||
    stop "pip could not install seedfleet itself: see its message above"
echo "setup: ready"
