"""Servers with the engine of fake_engine.cc: everything of `ingle serve` but the model.

A busy machine may stop any process for seconds. So a test waits for the state that it needs, with a long limit, and
holds a state with a flag (fake_engine.h); it never trusts that something takes long enough, or no longer than that.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("INGLE_BUILD") or ROOT / "build/release").resolve()
BINARY = pathlib.Path(os.environ.get("INGLE_BINARY") or BUILD / "ingle").resolve()
FAKE = BUILD / "tests/server/fake_ingle"
ENDLESS = {"FAKE_CONTEXT": "100000000"}  # With it, "#count 100000000" ends with the test.


def chat_body(text, **fields):
    return {"model": "fake", "messages": [{"role": "user", "content": text}], **fields}


def wait_until(condition, timeout_s=60):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not so within {timeout_s} s"
        time.sleep(0.005)


def read_all(link):
    out = bytearray()
    while piece := link.recv(1 << 16):
        out += piece
    return bytes(out)


def read_until(link, end):
    """Everything up to the first time that it has `end`."""
    raw = bytearray()
    while end not in raw[-(len(end) + (1 << 20)):]:
        piece = link.recv(1 << 20)
        assert piece, bytes(raw[-500:])
        raw += piece
    return bytes(raw)


def dechunk(raw):
    """The body of a chunked reply, head and all."""
    at, out = raw.index(b"\r\n\r\n") + 4, []
    while at < len(raw):
        end = raw.index(b"\r\n", at)
        length = int(raw[at:end], 16)
        out.append(raw[end + 2:end + 2 + length])
        at = end + 2 + length + 2
        if length == 0:
            break
    return b"".join(out)


def gone(pid):
    """Whether the process has ended, reaped or not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def cpu_seconds(pid):
    """Processor time that a process has used: what others do at the same time does not count."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class FakeServer:
    def __init__(self, *arguments, env=None, wait=True, unread=False, flags=(), files=None):
        self._port = None
        self._folder = tempfile.TemporaryDirectory()

        def limit_files():
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        for flag in flags:
            self.set_flag(flag)
        self.process = subprocess.Popen([str(FAKE), "serve", "--port", "0", *map(str, arguments)],
                                        env={**os.environ, "FAKE_FLAGS": self._folder.name, **(env or {})},
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=files and limit_files)
        self.log = []
        # A server whose output is not read must answer all the same; `unread` leaves that to the end.
        self.readers = [threading.Thread(target=self._read, args=(pipe,), daemon=True)
                        for pipe in (self.process.stdout, self.process.stderr)]
        if unread:
            while not self._find_port(self.process.stderr.readline().decode()):
                assert self.process.poll() is None
        else:
            for reader in self.readers:
                reader.start()
        if wait:
            self.wait_ready()

    def set_flag(self, name):
        (pathlib.Path(self._folder.name) / name).touch()

    def clear_flag(self, name):
        (pathlib.Path(self._folder.name) / name).unlink()

    def _read(self, pipe):
        for line in pipe:
            text = line.decode(errors="replace")
            self.log.append(text)
            self._find_port(text)

    def _find_port(self, line):
        if said := re.search(r'url="http://\S+:(\d+)"', line):
            self._port = int(said[1])
        return self._port

    @property
    def port(self):
        """The free one that the kernel chose; once it is known, connections are accepted."""
        wait_until(lambda: self._port or self.process.poll() is not None)
        assert self._port, "".join(self.log)
        return self._port

    def wait_end(self, timeout_s=60):
        """Its exit code; everything it said is in the log."""
        code = self.process.wait(timeout_s)
        for reader in self.readers:
            if reader.ident:
                reader.join(60)
        return code

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, "".join(self.log)
            with contextlib.suppress(OSError):
                return self.call("GET", "/readyz")[0] == 200
        wait_until(ready, 120)

    def call(self, method, path, body=None, headers=None, timeout_s=300):
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
        link = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        link.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % (path.encode(), len(data)) + data)
        return link

    def stream(self, text, path="/v1/chat/completions", **fields):
        """(events, comments); the last event is "[DONE]" when there is one."""
        status, headers, raw = self.call("POST", path, chat_body(text, stream=True, **fields))
        assert status == 200, raw
        assert headers["Content-Type"].startswith("text/event-stream")
        return parse_events(raw)

    def raw(self, data, timeout_s=60, half_close=False):
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
        """Ends it: as SIGTERM, without the time for those who distribute requests, nor for what still runs."""
        for patience_s in (2, 60):
            if self.process.poll() is not None:
                return self.process.returncode
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(patience_s)
        self.process.kill()
        self.process.wait()
        raise AssertionError("did not end within 60 s of the second SIGINT: " + "".join(self.log))


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


def events_of(link, begun=b""):
    """The rest of a stream that the server ends, parsed."""
    return parse_events(dechunk(begun + read_all(link)))[0]


def text_of(events, choice=0):
    return "".join(c["delta"].get("content") or "" for e in events if e != "[DONE]"
                   for c in e.get("choices", []) if c["index"] == choice)
