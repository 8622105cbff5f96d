"""Requests as an attacker sends them: a clear refusal or an answer, soon, and nothing else suffers."""
import json

import pytest

from fake_server import chat_body, cpu_seconds, read_until, text_of, wait_until
from test_http import HOST, post, status_of


def test_a_hundred_thousand_keys(server):
    before = cpu_seconds(server.process.pid)
    status, _, body = server.chat("hi", **{f"k{i}": 1 for i in range(100_000)})
    assert status == 200 and body["warnings"][-1]["message"].startswith("9998")
    assert cpu_seconds(server.process.pid) - before < 1 and len(body["warnings"]) < 20


@pytest.mark.parametrize("field, value", [
    ("stop", [f"a{i}" for i in range(10_000)]), ("stop", "x" * (1 << 20)), ("stop", ""),
    ("logit_bias", {str(i): 1 for i in range(10_000)}), ("logit_bias", {"-1": 1}), ("logit_bias", {"1": 101}),
    ("max_tokens", 1e308), ("model", "x" * 10_240), ("chat_template_kwargs", {"messages": 1}), ("grammar", "(" * 1000)])
def test_huge_or_impossible_fields(server, field, value):
    status, _, body = server.chat("hi", **{field: value})
    assert status == 400 and body["error"]["param"] == field and len(body["error"]["message"]) < 400, body


@pytest.mark.parametrize("seed", [0, -2, 2**63 - 1, 2**63, 2**64 - 1, -2**63])
def test_seeds_at_their_borders(server, seed):
    status, _, body = server.chat("#hash 5", seed=seed, n=2)
    texts = [choice["message"]["content"] for choice in body["choices"]] if status == 200 else body
    alone = [server.chat("#hash 5", seed=one)[2]["choices"][0]["message"]["content"] for one in
             (seed % 2**64, (seed + 1) % 2**64)]
    assert texts == alone and texts[0] != texts[1]


def test_what_a_client_names_never_breaks_a_log_line(fake):
    server = fake()
    nasty = "x\x1b[31m\r\n2026-01-01 error fake line \u2028"
    server.chat("hi", model=nasty, user=nasty)
    server.call("GET", "/v1/models/%1b%5b31m", headers={"User-Agent": "\x1b]0;x\x07"})
    server.raw(b"GET /\x1b[31m HTTP/1.1\r\n" + HOST + b"\r\n", half_close=True)
    server.chat("hi")
    wait_until(lambda: sum("generation" in line for line in server.log) == 2)
    assert not any("\x1b" in line or "fake line" in line and not line.startswith("20") for line in server.log)


@pytest.mark.parametrize("headers, status", [
    ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Origin": "http://localhost.evil.com"}, 403),
    ({"Origin": "http://127.0.0.1:9"}, 403), ({"Host": "evil.example"}, 403), ({"Host": "0.0.0.0"}, 403),
    ({"Host": "localhost/v1/models?"}, 403), ({"Content-Type": "text/plain", "Origin": "http://evil.example"}, 403),
    ({"Content-Encoding": "gzip"}, 415), ({"X-Forwarded-For": ""}, 200)])
def test_pages_of_others(server, headers, status):
    got, reply, _ = server.call("POST", "/v1/chat/completions", chat_body("hi"), headers)
    assert got == status and "Access-Control-Allow-Origin" not in reply
    # What changes nothing may be asked for, but no page gets to see the answer.
    assert "Access-Control-Allow-Origin" not in server.call("GET", "/v1/models", None, headers)[1]


def test_an_upgrade_is_no_way_past_the_checks(server):
    raw = server.raw(b"GET /v1/models HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" +
                     b"GET /v1/models HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert raw.count(b"HTTP/1.1 200") == 2
    assert status_of(server.raw(b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n")) == 400
    assert status_of(server.raw(post()[:40] + b"\r\n" + post()[40:], half_close=True)) == 400


def test_no_answer_holds_the_secret_of_another(fake):
    server = fake(env={"FAKE_STEP_MS": "1"})
    links = []
    for i in range(120):  # Streams beside each other, every third one left in the middle.
        link = server.open_stream(chat_body(" ".join([f"secret{i:04}"] * 30)))
        if i % 3 == 0:
            link.recv(200)
            link.close()
        else:
            links.append((i, link))
    for i, link in links:
        raw = read_until(link, b"\r\n0\r\n\r\n")
        link.close()
        words = raw.count(b"secret")
        assert words == 30 and raw.count(b"secret%04d" % i) == 30
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
    assert text_of(server.stream("#count 3")[0]).split() == ["1", "2", "3"]
    assert json.dumps(server.call("GET", "/health")[2])
