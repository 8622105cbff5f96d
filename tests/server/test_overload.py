"""Clients that take or send their bytes slowly: they are told, and nobody else is held up."""
import contextlib
import json
import resource
import select
import socket
import time

import pytest

from fake_server import (ENDLESS, chat_body, dechunk, events_of, parse_events, read_all, read_until, text_of,
                         wait_until)
from test_http import HOST, post, status_of

WIDE_BYTES = 16 << 10


def stuck_stream(server, text, buffer_bytes=4096, **fields):
    """A stream of which nothing is read yet; the small buffer keeps the kernel's share small."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    link.settimeout(120)
    link.connect(("127.0.0.1", server.port))
    body = json.dumps(chat_body(text, stream=True, **fields)).encode()
    link.sendall(post(b"", body))
    return link


def resident_mib(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 2**20


def stays(seconds, condition):
    end = time.monotonic() + seconds
    while condition():
        if time.monotonic() > end:
            return True
        time.sleep(0.05)
    return False


LOGPROBS = {"logprobs": True, "top_logprobs": 3}


@pytest.mark.parametrize("fields", [{}, LOGPROBS, {"n": 3}])
def test_a_slow_reader_pauses_its_own_answer_and_loses_nothing(fake, fields):
    # Steps of 1 ms: an engine without them has made every token before it can hear of a pause.
    server = fake("--stall-ms", 5000, env={"FAKE_STEP_MS": "1", "FAKE_CONTEXT": "200000"})
    server.stream(f"#wide 20 {WIDE_BYTES}")
    before = resident_mib(server.process.pid)
    tokens, choices = 2500, fields.get("n", 1)
    with stuck_stream(server, f"#wide {tokens} {WIDE_BYTES // 8}", 64 << 10, **fields) as link:
        wait_until(lambda: server.metric("ingle_sequences_paused") == choices)
        # Longer than a worker may stand still that has something to do; it has not, and is left alone.
        wait_until(lambda: stays(0.5 if fields else 6, lambda: server.metric("ingle_sequences_paused") == choices))
        assert resident_mib(server.process.pid) - before < 16, "what waits has a limit"
        other = server.stream("#count 300")[0]
        assert other[-1] == "[DONE]" and text_of(other).split()[-1] == "300"
        events, _ = parse_events(dechunk(read_until(link, b"[DONE]\n\n\r\n0\r\n\r\n")))
    assert events[-1] == "[DONE]" and not any("error" in e for e in events[:-1])
    for choice in range(choices):
        assert text_of(events, choice).split() == [str(i + 1) for i in range(tokens)]
    assert server.metric("ingle_sequences_paused") == 0 and server.metric("ingle_worker_restarts_total") == 0


# A client that reads nothing for the limit, and a worker that goes on although it was told to wait.
@pytest.mark.parametrize("arguments, env, fields", [
    (["--write-timeout-ms", 3000], {}, {}), (["--write-timeout-ms", 3000], {}, LOGPROBS),
    ([], {"FAKE_IGNORE_PAUSES": "1"}, {})])
def test_a_reader_that_is_too_slow_gets_what_waits_and_an_error(fake, arguments, env, fields):
    server = fake(*arguments, env={"FAKE_STEP_MS": "0", "FAKE_CONTEXT": "200000", **env})
    tokens = 1000
    with stuck_stream(server, f"#wide {tokens} {WIDE_BYTES}", **fields) as link:
        wait_until(lambda: server.metric("ingle_generations_total") == 1)
        other = server.stream("#count 300")[0]
        assert other[-1] == "[DONE]" and text_of(other).split()[-1] == "300"
        wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
        events = events_of(link)
    error = events[-1]["error"]
    assert error["code"] == "reader_too_slow" and error["param"] is None and "read" in error["message"]
    assert "[DONE]" not in events and sum("error" in e for e in events) == 1
    words = text_of(events[:-1]).split()
    assert words == [str(i + 1) for i in range(len(words))], "what was made before is there, without a gap"
    assert 10 < len(words) < tokens
    assert server.chat("and the next one")[0] == 200


def test_readers_that_never_read_are_dropped_and_cost_little(fake):
    server = fake("--write-timeout-ms", 3000, env={"FAKE_STEP_MS": "5", "FAKE_CONTEXT": "200000"})
    server.stream(f"#wide 20 {WIDE_BYTES}")
    before = resident_mib(server.process.pid)
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(stuck_stream(server, "#wide 100000 2048")) for _ in range(20)]
        wait_until(lambda: server.metric("ingle_generations_total") == 21)
        wait_until(lambda: server.metric("ingle_requests_in_flight") == 0, 120)
        assert resident_mib(server.process.pid) - before < len(links) * 4
        wait_until(lambda: server.metric("ingle_http_connections") == 1)
    wait_until(lambda: sum("reader_too_slow" in line for line in list(server.log)) == 20)


def test_silent_connections_cost_little(fake):
    server = fake("--first-byte-ms", 300_000)
    assert server.chat("warm")[0] == 200
    before = resident_mib(server.process.pid)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with contextlib.ExitStack() as stack:
        for _ in range(700):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
        wait_until(lambda: server.metric("ingle_http_connections") >= 700)
        assert resident_mib(server.process.pid) - before < 700 * 24 / 1024, "no buffer for those who send nothing"
    wait_until(lambda: server.metric("ingle_http_connections") == 1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_silent_connections_are_closed_when_they_have_asked_for_nothing(fake):
    server = fake("--first-byte-ms", 5000, "--head-ms", 2000)
    links = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(3)]
    links[0].sendall(post())  # A client that has asked before may be silent for longer.
    assert b" 200 OK" in links[0].recv(65536)
    links[1].sendall(post()[:20])  # Begun, so that the time for heads counts.
    assert status_of(read_all(links[1])) == 408
    assert read_all(links[2]) == b""
    links[0].sendall(post())
    assert b" 200 OK" in links[0].recv(65536)


def test_more_requests_than_there_is_room_for_are_told_when_to_come_back(fake):
    server = fake(flags=["steps"], env=ENDLESS)
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(server.open_stream(chat_body("#count 100000", n=16)))
        wait_until(lambda: server.metric("ingle_requests_in_flight") == 1024)
        status, headers, body = server.chat("one more")  # At once: nothing ends meanwhile.
        assert status == 429 and body["error"]["code"] == "queue_full" and body["error"]["retryable"] is True
        assert 1 <= int(headers["Retry-After"]) <= 60
        assert server.metric("ingle_requests_in_flight") == 1024
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
    server.clear_flag("steps")
    assert server.chat("now there is")[0] == 200


def half_a_body(server, sent, length):
    link = socket.create_connection(("127.0.0.1", server.port), timeout=120)
    link.sendall(post(b"Content-Length: %d\r\n" % length, b'{"pad": "' + b"x" * sent, False))
    return link


def test_all_bodies_together_have_a_limit(fake):
    server = fake("--body-budget", 1 << 20, "--body-idle-ms", 600_000)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(half_a_body(server, 400 << 10, 1 << 20))
        # Less than all: the first 64 KiB of each are free.
        wait_until(lambda: server.metric("ingle_http_body_bytes") >= 3 * ((400 - 64) << 10))
        with half_a_body(server, 400 << 10, 1 << 20) as late:
            raw = read_all(late)
        head, body = raw.split(b"\r\n\r\n", 1)
        error = json.loads(body)["error"]
        assert status_of(raw) == 503 and b"Retry-After: 1" in head and b"Connection: close" in head
        assert error["code"] == "server_busy" and error["retryable"] is True and "again" in error["message"]
        assert server.chat("x" * 2000)[0] == 200, "small bodies always have room"
    wait_until(lambda: server.metric("ingle_http_body_bytes") == 0)
    assert server.chat("hi", pad="x" * (900 << 10))[0] == 200, "given back"


def test_a_body_is_charged_until_its_reply_ends(fake):
    server = fake("--body-budget", 1 << 20, env=ENDLESS)
    link = server.open_stream(chat_body("#count 100000000", pad="x" * (900 << 10)))
    wait_until(lambda: server.metric("ingle_sequences_running") == 1)
    assert server.chat("hi", pad="x" * (600 << 10))[0] == 503
    link.close()
    wait_until(lambda: server.chat("hi", pad="x" * (600 << 10))[0] == 200)


def test_a_body_without_progress_is_refused(fake):
    server = fake("--body-idle-ms", 4000)
    with half_a_body(server, 1000, 5000) as link:
        for _ in range(4):  # As long as bytes come, it goes on: longer than the limit, all in all.
            time.sleep(1.1)
            assert not select.select([link], [], [], 0)[0]
            link.sendall(b"x")
        raw = read_all(link)
    error = json.loads(raw.split(b"\r\n\r\n", 1)[1])["error"]
    assert status_of(raw) == 408 and error["code"] == "request_timeout"
    assert "no byte of the body came" in error["message"] and "Content-Length" in error["message"]


def test_a_body_that_ends_early_is_refused(server):
    raw = server.raw(b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n{}", half_close=True)
    assert status_of(raw) == 408 and b"ended before all of it was there" in raw
