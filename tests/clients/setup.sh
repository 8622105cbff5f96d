#!/usr/bin/env bash
# Installs the client packages that the tests here use, at pinned versions, into this folder. Run again it does nothing.
set -euo pipefail
cd "$(dirname "$0")"
stamp=$(sha256sum requirements.txt package.json package-lock.json | sha256sum | cut -d' ' -f1)
if [ -f .installed ] && [ "$(cat .installed)" = "$stamp" ]; then exit 0; fi
echo "installing the clients: openai and langchain-openai for Python, openai for Node"
/usr/bin/python3 -m venv .venv
# A registry that does not answer for a moment is no reason to fail.
retry() {
  for pause_s in 5 15 45; do "$@" && return; sleep "$pause_s"; done
  "$@"
}
retry .venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 5 --timeout 60 -r requirements.txt
retry .venv/bin/npm ci --silent --ignore-scripts --no-audit --no-fund
echo "$stamp" > .installed
