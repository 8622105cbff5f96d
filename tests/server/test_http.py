"""HTTP on raw sockets: what must be refused, what must be survived."""
import json
import socket
import time

import pytest

from fake_server import chat_body, cpu_seconds, read_all, wait_until

HOST = b"Host: localhost\r\n"
BODY = json.dumps({"messages": [{"role": "user", "content": "hi there"}]}).encode()


def post(extra=b"", body=BODY, length=True):
    size = b"Content-Length: %d\r\n" % len(body) if length else b""
    return b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST + size + extra + b"\r\n" + body


def status_of(raw):
    return int(raw.split(b" ", 2)[1]) if raw.startswith(b"HTTP/1.1 ") else 0


@pytest.mark.parametrize("data", [
    post(b"Transfer-Encoding: chunked\r\n"),
    post(b"Content-Length: 5\r\n"),
    post(b"Content-Length: +5\r\n", length=False),
    post(b"Content-Length: -1\r\n", length=False),
    post(b"Content-Length: 0x5\r\n", length=False),
    post(b"Content-Length: 18446744073709551616\r\n", length=False),
    post(b"Transfer-Encoding: chunked\r\n", b"-2\r\nab\r\n0\r\n\r\n", False),
    post(b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffff1\r\nab\r\n0\r\n\r\n", False),
    post(b"Transfer-Encoding: chunked\r\n", b"0x10\r\nab\r\n0\r\n\r\n", False),
    b"GET /livez HTTP/1.1\nHost: localhost\n\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    b"GET /livez HTTP/1.1\r\n\r\n",
    b"GET /v1/%2e%2e/admin HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /a%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://localhost/livez HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET\t/livez HTTP/1.1\r\n" + HOST + b"\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
])
def test_must_be_refused(server, data):
    raw = server.raw(data)
    assert status_of(raw) == 400, raw[:200]
    assert raw.count(b"HTTP/1.1 ") == 1, "nothing after it may be taken for a request"
    assert b"Connection: close" in raw
    assert json.loads(raw.split(b"\r\n\r\n", 1)[1])["error"]["message"]


@pytest.mark.parametrize("data, status", [
    (b"GET /livez HTTP/1.1\r\n" + HOST + b"".join(b"h%d: x\r\n" % i for i in range(65)) + b"\r\n", 431),
    (b"GET /livez HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 17000 + b"\r\n\r\n", 431),
    (b"GET /" + b"a" * 8300 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    (b"BREW /livez HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    (b"TRACE /livez HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 405),
    (post(b"Content-Encoding: gzip\r\n"), 415),
    (post(b"Content-Length: %d\r\n" % ((32 << 20) + 1), b"", False), 413),
    (post(b"Content-Length: %d\r\nExpect: 100-continue\r\n" % ((32 << 20) + 1), b"", False), 413),
])
def test_limits(server, data, status):
    assert status_of(server.raw(data)) == status


def test_percent_escapes_in_headers_stay_literal(server):
    raw = server.raw(b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: %0d%0aSet-Cookie: x\r\nConnection: close\r\n\r\n")
    assert status_of(raw) == 200 and b"Set-Cookie" not in raw


def test_chunked_body_and_its_cap(server):
    body = b"".join(b"%x\r\n%s\r\n" % (1, BODY[i:i + 1]) for i in range(len(BODY))) + b"0\r\n\r\n"
    raw = server.raw(post(b"Transfer-Encoding: chunked\r\nConnection: close\r\n", body, False))
    assert status_of(raw) == 200 and b"hi there " in raw
    piece = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as link:
        link.sendall(post(b"Transfer-Encoding: chunked\r\n", b"", False))
        try:
            for _ in range(40):
                link.sendall(piece)
        except OSError:
            pass  # It has answered and closed.
        raw = link.recv(65536)
    assert status_of(raw) == 413


@pytest.mark.parametrize("start", [b"2;x=", b"0\r\nX: "])
def test_a_chunk_header_without_end_is_refused(server, start):
    assert status_of(server.raw(post(b"Transfer-Encoding: chunked\r\n", start + b"y" * 300000, False))) == 400


def test_a_20_mib_body_is_read(server):
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "pad": "x" * (20 << 20)}).encode()
    status, _, reply = server.call("POST", "/v1/chat/completions", body)
    assert status == 200 and reply["warnings"][0]["field"] == "pad"


@pytest.mark.parametrize("expect", [b"100-continue", b"100-Continue"])
def test_expect_continue(server, expect):
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as link:
        link.sendall(post(b"Content-Length: %d\r\nExpect: %s\r\nConnection: close\r\n" % (len(BODY), expect), b"", False))
        assert link.recv(100).startswith(b"HTTP/1.1 100 ")
        link.sendall(BODY)
        raw = b""
        while piece := link.recv(65536):
            raw += piece
        assert status_of(raw) == 200


def test_pipelining_answers_in_order(server):
    good = b"".join(b"GET /v1/models/m%d HTTP/1.1\r\n" % i + HOST + b"\r\n" for i in range(49))
    raw = server.raw(good + b"GET /bad path here HTTP/1.1\r\n" + HOST + b"\r\n" + good)
    replies = raw.split(b"HTTP/1.1 ")[1:]
    assert len(replies) == 50
    for number, reply in enumerate(replies[:49]):
        assert reply.startswith(b"404") and b"'m%d'" % number in reply
    assert replies[49].startswith(b"400")


def test_half_close_of_a_quick_request_is_answered(server):
    assert status_of(server.raw(b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n", half_close=True)) == 200


def test_clients_that_leave_before_the_reply_leave_nothing_behind(fake):
    server = fake(flags=["load"], wait=False)

    def leave(stream):
        body = json.dumps(chat_body("#count 450", max_tokens=450, stream=stream)).encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=120) as link:
            link.sendall(post(b"", body))
            link.shutdown(socket.SHUT_WR)

    for number in range(100):  # While the model loads no reply can begin.
        leave(stream=number % 2 == 0)
    server.clear_flag("load")
    server.wait_ready()
    for number in range(100):
        leave(stream=number % 2 == 0)
    wait_until(lambda: server.metric("ingle_http_connections") == 1)  # The one that asks.
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)


def test_http_1_0(server):
    body = json.dumps({"messages": [{"role": "user", "content": "a b"}], "stream": True}).encode()
    raw = server.raw(b"POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert status_of(raw) == 200 and b"chunked" not in raw and raw.endswith(b"data: [DONE]\n\n")


def test_head(server):
    raw = server.raw(b"HEAD /livez HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert status_of(raw) == 200 and raw.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("data", [bytes(range(256)) * 100, b"\r\n" * 20000 + b"A\n", b"A" * (1 << 20),
                                  b"\x00" * 20000, b"\x00\n" * 100])
def test_noise(server, data):
    assert status_of(server.raw(data)) in (400, 431)
    assert server.call("GET", "/livez")[0] == 200


def test_dripped_heads_are_shed(fake):
    server = fake("--head-ms", 6000)
    links = [socket.create_connection(("127.0.0.1", server.port), timeout=120) for _ in range(200)]
    before = cpu_seconds(server.process.pid)
    for link in links:
        link.sendall(b"GET /livez HTTP/1.1\r\n")
    for _ in range(3):
        for link in links:
            try:
                link.sendall(b"x")
            except OSError:
                pass
        assert server.call("GET", "/livez")[0] == 200
        time.sleep(1)
    for link in links:  # Whether or not they drip on, after the time for heads they are told, and closed.
        assert status_of(read_all(link)) == 408
        link.close()
    assert cpu_seconds(server.process.pid) - before < 1
