#!/bin/sh
# The six steps by their established names, one after the other, in the folder WORK (default: work).
# DRAWS, SEEDS and TRIALS say how many there are: fewer are sooner through.
set -eu
cd "$(dirname "$0")"
work=${1:-work}
draws=${DRAWS:-5000} seeds=${SEEDS:-5000} trials=${TRIALS:-20}
mkdir -p "$work"
cd "$work"

# Draws of the classic java_lcg, seed 4321, three outputs dropped before each, one in fifty
# recorded wrong: what the steps have to find.
seedfleet generators sample java_lcg --seed 4321 --count "$draws" --skip 3 --noise 0.02 \
    --sessions midday,evening --format json > draws.json

seedfleet compat install --force .
python=${PYTHON:-python3}

# 1: windows, skips and thresholds by what they tell of draws that the sieve did not see.
"$python" window_optimizer.py --lottery-file draws.json --strategy bayesian \
    --trials "$trials" --seeds "$seeds" --prng-type java_lcg --test-both-modes
# 2.5: settings of the score.
"$python" scorer_meta_optimizer.py --trials "$trials"
# 3: 62 features for each survivor.
PYTHON=$python sh run_step3_full_scoring.sh
# 4: how models are to be trained.
"$python" adaptive_meta_optimizer.py --mode full --lottery-data lottery_history.json \
    --survivor-data survivors_with_scores.json --apply
# 5: K folds for each type of model as jobs of the fleet, then the comparison and the gate.
"$python" generate_kfold_jobs.py --config reinforcement_engine_config.json
"$python" scripts_coordinator.py --jobs-file anti_overfit_jobs.json --preserve-paths
"$python" meta_prediction_optimizer_anti_overfit.py --survivors survivors_with_scores.json \
    --lottery-data lottery_history.json --model-type all
# 6: the next draws.
"$python" prediction_generator.py --models-dir models \
    --survivors-forward forward_survivors.json
