#!/bin/sh
# usage: lock.sh PYTHON
# Resolves pyproject.toml into requirements/trace.lock (to run) and requirements/dev.lock (to check).
# The build back end is locked too, so that installing the checkout resolves nothing by itself.
set -eu
python=$1
"$python" -m pip install --quiet --disable-pip-version-check pip-tools
lock() {
    target=$1
    shift
    "$python" -m piptools compile --quiet --upgrade --strip-extras --no-header --no-annotate \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
        "$@" --output-file "requirements/$target.lock" pyproject.toml requirements/build.in
    # A local version names one index's build: torch==2.13.0+cpu. Others have builds of their own.
    sed -i 's/^\(torch==[^+]*\)+.*/\1/' "requirements/$target.lock"
}
lock trace --extra trace
lock dev --extra trace --extra models --extra neural --extra ray --extra dev requirements/torch.in
