"""Many clients at once, and clients that come and go: nobody is forgotten, mixed up or held up, and none costs much."""
import contextlib
import json
import pathlib
import random
import re
import resource
import selectors
import socket
import time

import pytest

from fake_server import ENDLESS, chat_body, cpu_seconds, dechunk, parse_events, read_until, text_of, wait_until
from test_http import post

WHOLE = b"data: [DONE]\n\n\r\n0\r\n\r\n"


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def status_of_process(server, what):
    return int(re.search(rf"^{what}:\s*(\d+)", pathlib.Path(f"/proc/{server.process.pid}/status").read_text(), re.M)[1])


def read_whole_streams(links):
    """What each of them gets up to its end, all read at the same time."""
    got = {link: bytearray() for link in links}
    with selectors.DefaultSelector() as ready:
        for link in links:
            ready.register(link, selectors.EVENT_READ)
        while ready.get_map():
            events = ready.select(120)
            assert events, "no stream goes on"
            for key, _ in events:
                piece = key.fileobj.recv(1 << 16)
                assert piece, bytes(got[key.fileobj][-300:])
                got[key.fileobj] += piece
                if got[key.fileobj].endswith(WHOLE):
                    ready.unregister(key.fileobj)
    return [bytes(got[link]) for link in links]


def test_a_thousand_streams_a_hundred_of_them_slow(fake, many_files):
    server = fake(flags=["steps"], env={"FAKE_STEP_MS": "1", "FAKE_SEQUENCES": "1000"})
    with contextlib.ExitStack() as stack:
        before, threads = status_of_process(server, "VmRSS"), status_of_process(server, "Threads")
        links = [stack.enter_context(server.open_stream(chat_body(f"#hash 40 {n}", seed=n))) for n in range(1000)]
        wait_until(lambda: server.metric("ingle_sequences_running") == 1000, 120)
        assert (status_of_process(server, "VmRSS") - before) / 1000 < 64, "KiB per stream"
        assert status_of_process(server, "Threads") < threads + 10, "no thread per stream"
        server.clear_flag("steps")
        slow, quick = links[::10], [link for n, link in enumerate(links) if n % 10]
        texts = [text_of(parse_events(dechunk(raw))[0]) for raw in read_whole_streams(quick)]
        texts += [text_of(parse_events(dechunk(raw))[0]) for raw in read_whole_streams(slow)]
    assert len(set(texts)) == 1000 and all(len(text.split()) == 40 for text in texts)
    assert server.metric("ingle_requests_in_flight") == 0
    assert texts[0] == text_of(server.stream("#hash 40 1", seed=1)[0]), "the same alone"


def test_who_leaves_the_queue_disturbs_nobody(fake):
    server = fake(flags=["steps"], env={"FAKE_SEQUENCES": "1"})
    active = server.open_stream(chat_body("#hash 50", seed=1))
    wait_until(lambda: server.metric("ingle_sequences_running") == 1)
    queued = [server.open_stream(chat_body("#hash 50", seed=2)) for _ in range(3)]
    wait_until(lambda: server.metric("ingle_sequences_queued") == 3)
    for link in queued[:2]:
        link.close()
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 2)
    server.clear_flag("steps")
    texts = [text_of(parse_events(dechunk(read_until(link, WHOLE)))[0]) for link in (active, queued[2])]
    assert texts == [text_of(server.stream("#hash 50", seed=seed)[0]) for seed in (1, 2)]


def test_a_thousand_clients_that_leave_at_any_time_leave_nothing(fake):
    server = fake(env={"FAKE_STEP_MS": "1"})
    draw = random.Random(5)
    for number in range(1000):
        body = json.dumps(chat_body("#prefill 20 " + "word " * 20 if number % 3 else "#count 100", stream=number % 2 == 0)).encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=120) as link:
            link.sendall(post(b"", body)[:draw.choice([10, 200, 10_000, 10_000])])
            time.sleep(draw.choice([0, 0, 0.001, 0.01, 0.03]))
            if number % 5 == 0:  # A reset instead of an end.
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_until(lambda: server.metric("ingle_http_connections") == 1)
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
    assert server.metric("ingle_worker_restarts_total") == 0
    assert text_of(server.stream("#count 3")[0]).split() == ["1", "2", "3"]


def test_more_connections_than_descriptors(fake, many_files):
    server = fake(files=64)
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=120)) for _ in range(200)]
        time.sleep(1)  # It has taken what it can.
        before = cpu_seconds(server.process.pid)
        time.sleep(3)
        assert cpu_seconds(server.process.pid) - before < 0.15 * 3, "it waits, and does not spin"
        for link in links[:-1]:
            link.close()
        links[-1].sendall(post())
        assert b" 200 OK" in links[-1].recv(65536)
    assert server.chat("hi")[0] == 200


def test_a_silent_stream_is_kept_alive_by_comments(fake):
    server = fake(flags=["steps"], env=ENDLESS)
    link = server.open_stream(chat_body("#count 2"))
    raw = read_until(link, b": keep-alive\n\n\r\n")  # With the end of its chunk.
    assert b": ping" not in raw and b":data" not in raw
    server.clear_flag("steps")
    events, comments = parse_events(dechunk(raw + read_until(link, WHOLE)))
    assert text_of(events) == "1 2 " and comments == [": keep-alive"]


def test_a_key_in_the_address_is_none(fake):
    server = fake("--api-key", "sesame", wait=False)
    server.wait_ready()
    for path in ("/v1/models?api_key=sesame", "/v1/models?key=sesame", "/v1/sesame"):
        assert server.call("GET", path)[0] == 401
    twice = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sesame\r\nAuthorization: Bearer x\r\n\r\n"
    assert server.raw(twice).startswith(b"HTTP/1.1 400 ")
    # Refused before the body is asked for.
    raw = server.raw(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
                     b"Expect: 100-continue\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 401 ") and b"100 Continue" not in raw
    server.stop()
    assert "sesame" not in "".join(server.log)
