#!/usr/bin/env bash
# ingle beside llama.cpp (npm package node-llama-cpp, prebuilt) on the same files, interleaved; medians and spread.
#   bench/peers.sh                                     a 1.5B model with random weights, made once under build/bench
#   MODEL=FILE.gguf bench/peers.sh                     a file of yours
#   SUITE=formats|steps|depth|tiers|models|all bench/peers.sh
#   SUITE=all CELLS=bf16 ROUNDS=7 THREADS=2 KEEP=1 bench/peers.sh
#   LLAMA_BENCH=/path/llama-bench LLAMA_BATCHED_BENCH=... IK_BENCH=... IK_BATCHED_BENCH=...    builds of yours, too
set -euo pipefail
cd "$(dirname "$0")/.."
where=build/bench
bench/install.sh
run=${RUN:-$(date '+%Y-%m-%d %H:%M:%S')}
"$where/venv/bin/python" bench/peers.py --where "$where" --suite "${SUITE:-quick}" --cells "${CELLS:-}" \
  --threads "${THREADS:-2}" --rounds "${ROUNDS:-7}" --run "$run" ${KEEP:+--keep} ${MODEL:+--model "$MODEL"} "$@"
exec "$where/venv/bin/python" bench/report.py --log "$where/peers.jsonl" --run "$run" --print
