"""Servers with the engine of fake_engine.cc: everything of `ingle serve` but the model."""
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("INGLE_BUILD") or ROOT / "build/release").resolve()
BINARY = pathlib.Path(os.environ.get("INGLE_BINARY") or BUILD / "ingle").resolve()
FAKE = BUILD / "tests/server/fake_ingle"


def chat_body(text, **fields):
    return {"model": "fake", "messages": [{"role": "user", "content": text}], **fields}


class FakeServer:
    def __init__(self, *arguments, env=None, wait=True, unread=False):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen([str(FAKE), "serve", "--port", str(self.port), *map(str, arguments)],
                                        env={**os.environ, **(env or {})}, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.log = []
        # A server whose output is not read must answer all the same; `unread` leaves that to the end.
        self.readers = [threading.Thread(target=self._read, args=(pipe,), daemon=True)
                        for pipe in (self.process.stdout, self.process.stderr)]
        if not unread:
            self._start_readers()
        if wait:
            self.wait_ready()

    def _start_readers(self):
        for reader in self.readers:
            if not reader.ident:
                reader.start()

    def _read(self, pipe):
        for line in pipe:
            self.log.append(line.decode(errors="replace"))

    def wait_ready(self, timeout_s=30):
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            assert self.process.poll() is None, "".join(self.log)
            with contextlib.suppress(OSError):
                if self.call("GET", "/readyz")[0] == 200:
                    return
            time.sleep(0.02)
        raise AssertionError("not ready: " + "".join(self.log))

    def call(self, method, path, body=None, headers=None, timeout_s=60):
        """(status, headers, JSON or bytes)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            data = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            reply = connection.getresponse()
            raw = reply.read()
            kind = reply.headers.get("Content-Type", "")
            return reply.status, reply.headers, json.loads(raw) if kind.startswith("application/json") else raw
        finally:
            connection.close()

    def chat(self, text, **fields):
        return self.call("POST", "/v1/chat/completions", chat_body(text, **fields))

    def open_stream(self, body, path="/v1/chat/completions"):
        """A socket that has sent the request; read with lines()."""
        data = json.dumps({**body, "stream": True}).encode()
        link = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        link.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % (path.encode(), len(data)) + data)
        return link

    def stream(self, text, path="/v1/chat/completions", **fields):
        """(events, comments); the last event is "[DONE]" when there is one."""
        status, headers, raw = self.call("POST", path, chat_body(text, stream=True, **fields))
        assert status == 200, raw
        assert headers["Content-Type"].startswith("text/event-stream")
        return parse_events(raw)

    def raw(self, data, timeout_s=15, half_close=False):
        """Everything the server sends back to these bytes until it closes or falls silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s) as link:
            link.sendall(data)
            if half_close:
                link.shutdown(socket.SHUT_WR)
            out = b""
            with contextlib.suppress(socket.timeout, ConnectionResetError):
                while piece := link.recv(65536):
                    out += piece
            return out

    def metric(self, name):
        for line in self.call("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
        raise AssertionError(name)

    def worker_pids(self):
        out = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout
        return [int(pid) for pid in out.split()]

    def kill_worker(self, sig=signal.SIGKILL):
        (pid,) = self.worker_pids()
        os.kill(pid, sig)
        return pid

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # As SIGTERM, without the time for those who distribute requests.
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("did not end within 20 s of SIGINT: " + "".join(self.log)) from None
        return self.process.returncode


def parse_events(raw):
    text = raw.decode()
    assert text.endswith("\n\n"), text[-200:]
    events, comments = [], []
    for block in text[:-2].split("\n\n"):
        if block.startswith(":"):
            comments.append(block)
            continue
        assert block.startswith("data: ") and "\n" not in block, block
        events.append("[DONE]" if block == "data: [DONE]" else json.loads(block[6:]))
    return events, comments


def text_of(events, choice=0):
    return "".join(c["delta"].get("content") or "" for e in events if e != "[DONE]"
                   for c in e.get("choices", []) if c["index"] == choice)
