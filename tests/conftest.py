"""Shared by all whole-program tests: the binary, and servers started from it on free ports of the loopback interface."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Absolute: tests change the folder they run in.
BINARY = pathlib.Path(os.environ.get("INGLE_BINARY") or ROOT / "build/release/ingle").resolve()


class Server:
    """A running `ingle serve`. `base` is its URL without a slash at the end."""

    def __init__(self, *arguments, model="spark", env=None):
        self.log = tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen(
            [str(BINARY), "serve", model, "--port", "0", *map(str, arguments)],
            env={**os.environ, **(env or {})}, stdout=self.log, stderr=subprocess.STDOUT)

    def wait_ready(self, timeout_s=120):
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"ingle serve ended with {self.process.returncode}: {self.output()}")
            # The kernel chose a free port; the program prints its URL once the model is there.
            if said := re.search(r"^http://localhost:(\d+)$", self.output(), re.M):
                self.port = int(said[1])
                self.base = f"http://127.0.0.1:{self.port}"
                return self
            time.sleep(0.02)
        raise AssertionError(f"not ready after {timeout_s} s: {self.output()}")

    def output(self):
        """What it has printed so far."""
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def request(self, method, path, body=None, headers=None, timeout_s=300):
        """(status, headers, parsed JSON or text)."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method,
                                         headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as reply:
                status, headers, raw = reply.status, reply.headers, reply.read()
        except urllib.error.HTTPError as error:
            status, headers, raw = error.code, error.headers, error.read()
        text = raw.decode()
        return status, headers, json.loads(text) if "json" in headers.get("Content-Type", "") else text

    def chat(self, body):
        """The whole answer of a chat request that must succeed."""
        status, _, reply = self.request("POST", "/v1/chat/completions", body)
        assert status == 200, reply
        return reply

    def stream(self, path, body):
        """Every event of a streamed request that must succeed, parsed, without the closing [DONE]."""
        status, headers, text = self.request("POST", path, {**body, "stream": True})
        assert status == 200, text
        assert headers["Content-Type"].startswith("text/event-stream")
        events = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
        assert events[-1] == "[DONE]"
        return [json.loads(event) for event in events[:-1]]

    def stop(self):
        for patience_s in (2, 60):  # What still runs may end; the second signal waits for nobody.
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGINT)  # SIGTERM would keep the port open for 5 s.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(patience_s)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            raise AssertionError("ingle serve did not end within 60 s of the second SIGINT")
        self.log.close()


@pytest.fixture(scope="session")
def ingle():
    """Runs the binary: ingle("run", "spark", "hello", input=b"...") gives a CompletedProcess with bytes."""
    assert BINARY.exists(), f"{BINARY} is not built; run `make test`"

    def run(*arguments, env=None, **options):
        return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, timeout=600,
                              env={**os.environ, **(env or {})}, **options)
    return run


@pytest.fixture(scope="session")
def server_class():
    """For fixtures that keep a server for longer than a test."""
    return Server


@pytest.fixture
def serve():
    """Starts servers and stops them at the end of the test: serve("--threads", 1, model="spark")."""
    with contextlib.ExitStack() as stack:
        def start(*arguments, **options):
            server = Server(*arguments, **options)
            stack.callback(server.stop)
            return server.wait_ready()
        yield start


@pytest.fixture(scope="session")
def server():
    """One server with the bundled model, shared by the tests that do not disturb it."""
    shared = Server()
    try:
        yield shared.wait_ready()
    finally:
        shared.stop()
