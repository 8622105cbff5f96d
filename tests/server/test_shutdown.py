"""The end of a server: what runs may end, new work is refused, and nobody waits longer than asked."""
import json
import signal
import socket
import time

import pytest

from fake_server import ENDLESS, chat_body, dechunk, parse_events, read_all, read_until, text_of, wait_until

WHOLE = b"data: [DONE]\n\n\r\n0\r\n\r\n"


def port_open(server):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", server.port)) == 0


def test_sigterm_lets_running_answers_end(fake):
    server = fake("--drain-notice-ms", 0, flags=["steps"])
    link = server.open_stream(chat_body("#count 200"))
    wait_until(lambda: server.metric("ingle_sequences_running") == 1)
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: server.call("GET", "/readyz")[0] == 503)
    status, _, body = server.chat("too late")
    assert status == 503 and body["error"]["code"] == "server_shutting_down"
    server.clear_flag("steps")
    events = parse_events(dechunk(read_until(link, WHOLE)))[0]
    assert events[-1] == "[DONE]" and text_of(events).split()[-1] == "200"
    assert server.process.wait(60) == 0


def test_drain_has_a_limit(fake):
    server = fake("--drain-ms", 300, env=ENDLESS)
    link = server.open_stream(chat_body("#count 100000000"))
    begun = read_until(link, b'"content":"1 "')
    server.process.send_signal(signal.SIGTERM)
    raw = begun + read_all(link)
    assert b'"code":"server_shutting_down"' in raw and b"[DONE]" not in raw
    assert server.process.wait(60) == 0


@pytest.mark.parametrize("busy", [False, True])
def test_sigterm_leaves_time_to_those_who_distribute_requests(fake, busy):
    server = fake("--drain-notice-ms", 6000, flags=["steps"])
    link = server.open_stream(chat_body("#count 200")) if busy else None
    wait_until(lambda: not busy or server.metric("ingle_requests_in_flight") == 1)
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: server.call("GET", "/readyz")[0] == 503)
    if busy:
        server.clear_flag("steps")
        read_until(link, WHOLE)
    for _ in range(5):  # Although all work has ended.
        status, headers, body = server.chat("refused")
        assert status == 503 and body["error"]["code"] == "server_shutting_down"
        assert headers["Retry-After"] == "1" and headers["Connection"] == "close"
        assert server.call("GET", "/livez")[0] == 200
    assert server.process.wait(60) == 0 and not port_open(server)
    assert time.monotonic() - begun >= 6


def test_ctrl_c_and_a_second_signal_wait_for_nobody(fake):
    patient = ["--drain-ms", 100_000_000, "--drain-notice-ms", 100_000_000]
    idle = fake(*patient)
    idle.process.send_signal(signal.SIGINT)
    assert idle.process.wait(60) == 0
    busy = fake(*patient, env=ENDLESS)
    link = busy.open_stream(chat_body("#count 100000000"))
    begun = read_until(link, b'"content":"1 "')
    busy.process.send_signal(signal.SIGTERM)
    wait_until(lambda: busy.call("GET", "/readyz")[0] == 503)
    assert busy.metric("ingle_requests_in_flight") == 1
    busy.process.send_signal(signal.SIGTERM)
    assert b'"code":"server_shutting_down"' in begun + read_all(link)
    assert busy.process.wait(60) == 0


def test_the_end_of_a_slow_answer_is_read_before_the_end_of_the_server(fake):
    server = fake("--drain-ms", 100_000_000, env={"FAKE_STEP_MS": "0", "FAKE_CONTEXT": "200000"})
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.settimeout(120)
        link.connect(("127.0.0.1", server.port))
        data = json.dumps(chat_body("#wide 500 16384")).encode()
        link.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(data) + data)
        wait_until(lambda: server.metric("ingle_generations_total") == 1)
        wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
        server.process.send_signal(signal.SIGINT)
        wait_until(lambda: server.call("GET", "/readyz")[0] == 503)
        time.sleep(0.5)
        assert server.process.poll() is None
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        body = read_all(link).split(b"\r\n\r\n", 1)[1]
    assert json.loads(body)["choices"][0]["message"]["content"].split()[-1] == "500"
    assert server.process.wait(60) == 0
