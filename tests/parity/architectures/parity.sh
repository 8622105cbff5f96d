#!/usr/bin/env bash
# Every tiny model of models.py beside transformers' goldens and llama.cpp (npm package, prebuilt); writes docs/MODELS.md.
#   tests/parity/architectures/parity.sh [INGLE]
set -euo pipefail
cd "$(dirname "$0")/../../.."
where=build/parity
mkdir -p "$where"
if ! cmp -s tests/parity/architectures/requirements.txt "$where/installed.txt"; then
  echo "parity: installing tests/parity/architectures/requirements.txt and node-llama-cpp into $where" >&2
  /usr/bin/python3 -m venv "$where/venv"
  "$where/venv/bin/pip" install -q --disable-pip-version-check -r tests/parity/architectures/requirements.txt
  cp bench/package.json "$where/"
  (cd "$where" && venv/bin/npm install --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error)
  cp tests/parity/architectures/requirements.txt "$where/installed.txt"
fi
exec "$where/venv/bin/python" tests/parity/architectures/compare.py --ingle "${1:-build/release/ingle}" --npm "$where" \
  --table docs/MODELS.md
