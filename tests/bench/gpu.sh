#!/bin/sh
# The product beside diffusers on one GPU, in one go: a model of Stable Diffusion 1.5's size with random weights is
# made and exported on the spot, nothing is downloaded but packages.
#
#   sh tests/bench/gpu.sh                     (NVIDIA, Linux; needs Python 3.11+, some 12 GB of disk, 15 minutes)
#   SMALL=1 DEVICE=cpu EXTRA=cpu sh tests/bench/gpu.sh       (tries the script itself on any machine, in a minute)
#
# VENV names an environment that is used as it is if it exists.
set -eu
cd "$(dirname "$0")/../.."
DEVICE="${DEVICE:-cuda}"
EXTRA="${EXTRA:-gpu}"
VENV="${VENV:-.venv-gpu}"
WORK="${WORK:-$(mktemp -d)}"
SMALL="${SMALL:+--small}"
if [ ! -d "$VENV" ]; then
    python3 -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet "torch==2.13.0"
    "$VENV/bin/python" -m pip install --quiet -e ".[export,$EXTRA]"
fi
PY="$VENV/bin/python"
"$PY" -m retouch doctor || true
"$PY" tests/bench/gpu.py build "$WORK/model" $SMALL
[ -d "$WORK/bundle" ] || "$PY" -m retouch_export "$WORK/model" --output "$WORK/bundle" --precision fp16 --skip-picture
# Every engine in a process of its own, in turns, because two that hold the GPU's memory disturb each other.
for round in 1 2; do
    echo "round $round"
    for engine in retouch diffusers diffusers-compiled; do
        if [ "$engine" = diffusers-compiled ] && [ "$DEVICE" = cpu ]; then continue; fi
        "$PY" tests/bench/gpu.py measure "$WORK" --engine "$engine" --device "$DEVICE" $SMALL || echo "$engine failed"
    done
done
