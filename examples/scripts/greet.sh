#!/bin/sh
# Writes one line to the file that the fleet names; anything printed ends in the attempt's log.
echo "job $SEEDFLEET_JOB_ID, attempt $SEEDFLEET_ATTEMPT"
printf 'hello, %s\n' "$2" >"$1"
