#!/usr/bin/env bash
# Python packages, node and llama.cpp (npm package node-llama-cpp, prebuilt) under build/bench, once.
set -euo pipefail
cd "$(dirname "$0")/.."
where=build/bench
mkdir -p "$where"
cp bench/package.json bench/peer.mjs bench/peer_load.mjs "$where/"
cmp -s bench/requirements.txt "$where/installed.txt" && exit 0
echo "bench: installing bench/requirements.txt and node-llama-cpp into $where" >&2
/usr/bin/python3 -m venv "$where/venv"
"$where/venv/bin/pip" install -q --disable-pip-version-check -r bench/requirements.txt
(cd "$where" && venv/bin/npm install --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error)
cp bench/requirements.txt "$where/installed.txt"
