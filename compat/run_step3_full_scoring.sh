#!/bin/sh
# Score the survivors of the run in this folder: the jobs of scoring_jobs.json, and
# survivors_with_scores.parquet and .json of what they give.
#
#   run_step3_full_scoring.sh [--survivors FILE] [--train-history FILE] [OPTION...]
#
# Other options are those of `seedfleet trace score`. PYTHON names the interpreter, python3 if unset.
set -eu
exec "${PYTHON:-python3}" -c '
import sys
sys.argv[0] = "run_step3_full_scoring.sh"
try:
    from seedfleet.established_entry import begin
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed for {sys.executable}")
begin("seedfleet.cli.established.scoring", "run_step3_full_scoring", extra="trace")
' "$@"
