#!/usr/bin/env bash
# Installs the client packages that the tests here use, at pinned versions, into this folder. Run again it does nothing.
set -euo pipefail
cd "$(dirname "$0")"
stamp=$(sha256sum requirements.txt package.json package-lock.json | sha256sum | cut -d' ' -f1)
if [ -f .installed ] && [ "$(cat .installed)" = "$stamp" ]; then exit 0; fi
echo "installing the clients: openai and langchain-openai for Python, openai for Node"
/usr/bin/python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
.venv/bin/npm ci --silent --ignore-scripts --no-audit --no-fund
echo "$stamp" > .installed
