#!/bin/sh
# The product beside diffusers on one GPU, in one go: a model of Stable Diffusion 1.5's size with random weights is
# made and exported on the spot, nothing is downloaded but packages. It ends with checks and one table.
#
#   sh tests/bench/gpu.sh                     (NVIDIA, Linux; needs Python 3.11+, some 16 GB of disk, half an hour)
#   SMALL=1 DEVICE=cpu EXTRA=cpu sh tests/bench/gpu.sh       (tries the script itself on any machine, in a few minutes)
#
# VENV names an environment that is used as it is if it exists, WORK a folder that is kept and gone on with,
# ROUNDS how often every engine has its turn, LAYOUT who turns convolutions (`graph` or `provider`, in a WORK of its own).
set -eu
cd "$(dirname "$0")/../.."
DEVICE="${DEVICE:-cuda}"
EXTRA="${EXTRA:-gpu}"
VENV="${VENV:-.venv-gpu}"
WORK="${WORK:-$(mktemp -d)}"
SMALL="${SMALL:+--small}"
ROUNDS="${ROUNDS:-2}"
if [ ! -d "$VENV" ]; then
    python3 -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet "torch==2.13.0"
    "$VENV/bin/python" -m pip install --quiet -e ".[export,$EXTRA]"
fi
PY="$VENV/bin/python"
GPU="tests/bench/gpu.py"
"$PY" -m retouch doctor || true
[ -f "$WORK/model/model_index.json" ] || "$PY" "$GPU" build "$WORK/model" $SMALL
[ -d "$WORK/bundle" ] || "$PY" -m retouch_export "$WORK/model" --output "$WORK/bundle" --precision fp16 --skip-picture \
    --cuda-layout "${LAYOUT:-graph}"
"$PY" "$GPU" roof "$WORK" --device "$DEVICE" || echo "the roof was not measured"
# Every engine in a process of its own, in turns, because two that hold the GPU's memory disturb each other.
for round in $(seq "$ROUNDS"); do
    echo "round $round"
    for engine in $("$PY" "$GPU" rows "$WORK" --device "$DEVICE"); do
        "$PY" "$GPU" measure "$WORK" --engine "$engine" --device "$DEVICE" --round "$round" $SMALL || echo "$engine failed"
    done
done
"$PY" "$GPU" check "$WORK" --device "$DEVICE" $SMALL || echo "some checks failed"
"$PY" "$GPU" table "$WORK" $SMALL
