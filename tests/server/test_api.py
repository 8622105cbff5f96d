"""Shapes, errors and warnings of the API, over HTTP."""
import http.client
import json
import re
import signal

import pytest

from fake_server import FakeServer, chat_body, dechunk, parse_events, read_until, text_of, wait_until


def test_chat_reply_has_every_field(server):
    status, headers, body = server.chat("hello world", seed=5)
    assert status == 200 and headers["Content-Type"] == "application/json"
    assert re.fullmatch(r"req_\w+", headers["x-request-id"])
    assert body["id"].startswith("chatcmpl-") and body["object"] == "chat.completion"
    assert isinstance(body["created"], int) and body["model"] == "fake"
    assert body["system_fingerprint"] == "ingle-fake-1"
    (choice,) = body["choices"]
    assert choice["index"] == 0 and choice["finish_reason"] == "stop" and choice["logprobs"] is None
    assert choice["message"] == {"role": "assistant", "content": "hello world ", "refusal": None}
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0
    assert body["seed"] == 5 and "warnings" not in body
    # SillyTavern takes these for failures.
    assert not {"error", "message", "detail", "content"} & body.keys()


def test_stream_shape(server):
    events, _ = server.stream("a b c", seed=5, stream_options={"include_usage": True}, foo=1)
    assert events[-1] == "[DONE]"
    *chunks, last = events[:-1]
    assert len({(c["id"], c["created"], c["model"]) for c in chunks + [last]}) == 1
    assert all(c["object"] == "chat.completion.chunk" and c["usage"] is None for c in chunks)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert all("role" not in c["choices"][0]["delta"] for c in chunks[1:])
    finish = [c for c in chunks if c["choices"][0]["finish_reason"]]
    assert finish == [chunks[-1]] and finish[0]["choices"][0]["delta"] == {}
    assert finish[0]["warnings"][0]["field"] == "foo" and finish[0]["seed"] == 5
    assert last["choices"] == [] and last["usage"]["completion_tokens"] == 3
    whole = server.chat("a b c", seed=5)[2]
    assert last["usage"] == whole["usage"]
    assert text_of(events) == whole["choices"][0]["message"]["content"]


def test_without_include_usage_no_chunk_is_empty(server):
    events, _ = server.stream("a b c")
    assert all(e["choices"] and "usage" not in e for e in events[:-1])


def test_n_choices(server):
    body = server.chat("#hash 5", n=3, seed=10)[2]
    texts = [c["message"]["content"] for c in body["choices"]]
    assert [c["index"] for c in body["choices"]] == [0, 1, 2] and len(set(texts)) == 3
    assert body["usage"]["completion_tokens"] == 15
    for number, text in enumerate(texts):
        alone = server.chat("#hash 5", seed=10 + number)[2]
        assert alone["choices"][0]["message"]["content"] == text, "choice i uses seed + i"
        assert alone["usage"]["prompt_tokens"] == body["usage"]["prompt_tokens"]
    events, _ = server.stream("#hash 5", n=3, seed=10)
    chunks = events[:-1]
    assert all(len(c["choices"]) == 1 for c in chunks)
    assert [c["choices"][0]["index"] for c in chunks[:3]] == [0, 1, 2]
    assert [text_of(events, i) for i in range(3)] == texts
    assert sorted(c["choices"][0]["index"] for c in chunks if c["choices"][0]["finish_reason"]) == [0, 1, 2]


def test_drawn_seeds_are_reported_and_repeat(server):
    first = server.chat("#hash 5")[2]
    second = server.chat("#hash 5")[2]
    assert first["seed"] != second["seed"] and first["seed"] < 2**53
    again = server.chat("#hash 5", seed=first["seed"])[2]
    assert again["choices"] == first["choices"]


def test_stop_length_and_cause(server):
    choice = server.chat("one two three four", stop=["three"])[2]["choices"][0]
    assert choice["finish_reason"] == "stop" and choice["stop_cause"] == "stop_string"
    assert "three" not in choice["message"]["content"]
    choice = server.chat("one two three", max_tokens=2)[2]["choices"][0]
    assert choice["finish_reason"] == "length" and choice["message"]["content"] == "one two "
    choice = server.chat("one two three", max_completion_tokens=1, max_tokens=2)[2]["choices"][0]
    assert choice["message"]["content"] == "one "


def test_logprobs(server):
    body = server.chat("a b", logprobs=True, top_logprobs=5)[2]
    items = body["choices"][0]["logprobs"]["content"]
    assert [i["token"] for i in items] == ["a ", "b "] and all(len(i["top_logprobs"]) == 5 for i in items)
    assert items[0]["bytes"] == [97, 32] and items[0]["logprob"] == -0.5
    events, _ = server.stream("a b", logprobs=True)
    streamed = [i for e in events[:-1] for i in (e["choices"][0]["logprobs"] or {}).get("content", [])]
    assert [i["token"] for i in streamed] == ["a ", "b "] and streamed[0]["top_logprobs"] == []
    status, _, body = server.call("POST", "/v1/completions", {"prompt": "a b", "logprobs": 10})
    logprobs = body["choices"][0]["logprobs"]
    assert status == 200 and logprobs["tokens"] == ["a ", "b "] and logprobs["text_offset"] == [0, 2]
    assert len(logprobs["top_logprobs"][0]) == 10


def test_completions(server):
    status, _, body = server.call("POST", "/v1/completions", {"prompt": ["a b", "c"], "n": 2, "echo": True})
    assert status == 200 and body["object"] == "text_completion"
    assert [c["text"] for c in body["choices"]] == ["a ba b ", "a ba b ", "cc ", "cc "]
    assert [c["index"] for c in body["choices"]] == [0, 1, 2, 3]
    assert body["usage"]["prompt_tokens"] == 4, "each prompt once"
    body = server.call("POST", "/v1/completions", {"prompt": [104, 105]})[2]
    assert body["choices"][0]["text"] == "hi "
    status, _, raw = server.call("POST", "/v1/completions", {"prompt": "a b", "stream": True})
    events, _ = parse_events(raw)
    assert "".join(c["text"] for e in events[:-1] for c in e["choices"]) == "a b "
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    for refused in ({"best_of": 3}, {"suffix": "x"}, {"echo": True, "logprobs": 1}):
        status, _, body = server.call("POST", "/v1/completions", {"prompt": "a", **refused})
        assert status == 400 and body["error"]["param"] in refused


def test_generate(server):
    status, _, body = server.call("POST", "/v1/generate", {"prompt": "a b", "sampling_params": {"max_tokens": 1}})
    assert status == 200
    assert {"text", "tokens", "finish_reason", "usage", "warnings"} <= body.keys()
    assert body["text"] == "a " and body["tokens"] == [0] and body["finish_reason"] == "length"
    raw = server.call("POST", "/v1/generate", {"prompt": "a b", "stream": True, "raw": True, "odd": 1, "model": "fake"})[2]
    events, _ = parse_events(raw)
    assert [e["token"] for e in events[:-1]] == ["a ", "b "]
    assert events[-1]["text"] == "a b " and events[-1]["warnings"][0]["field"] == "odd"
    status, _, body = server.call("POST", "/v1/generate", {"prompt": "a", "sampling_params": {"top_p": 7}})
    assert status == 400 and body["error"]["param"] == "sampling_params.top_p"


def test_unknown_model_is_a_warning_and_echoed(server):
    body = server.call("POST", "/v1/chat/completions", chat_body("hi") | {"model": "gpt-5"})[2]
    assert body["model"] == "gpt-5" and body["warnings"][0]["code"] == "model_substituted"
    body = server.call("POST", "/v1/chat/completions", {"messages": chat_body("hi")["messages"]})[2]
    assert body["model"] == "fake" and body["warnings"][0]["code"] == "model_defaulted"


@pytest.mark.parametrize("body, code", [
    (b"{", "invalid_json"), (b"", "invalid_json"), (b"null", "invalid_json"), (b"[]", "invalid_json"),
    (b'{"messages":[],}', "invalid_json"), (b'{"temperature":NaN}', "invalid_json"),
    (b"\xef\xbb\xbf{}", "invalid_json"), ("{}".encode("utf-16"), "invalid_json"),
    (b'{"messages":[{"role":"user","content":"\xff"}]}', "invalid_json"),
    (b'{"messages":' + b"[" * 100 + b"]" * 100 + b"}", "too_deep"),
    (b'{"x":' + b"[" * 64 + b"]" * 64 + b"}", "too_deep"),
    (b'{"messages":[{"role":"user","content":"\\ud800"}]}', "invalid_json"),
])
def test_bodies_that_are_not_json(server, body, code):
    status, _, reply = server.call("POST", "/v1/chat/completions", body)
    assert status == 400 and reply["error"]["code"] == code
    assert set(reply["error"]) >= {"message", "type", "param", "code"}
    assert "; " in reply["error"]["message"], "what happened; what to do"


def test_the_deepest_body_that_is_read(server):
    status, _, reply = server.chat("hi", x=json.loads("[" * 63 + "]" * 63))
    assert status == 200 and reply["warnings"][0]["field"] == "x"


@pytest.mark.parametrize("body, param", [
    (b'{"messages":[{"role":"user","content":"a"}],"seed":1,"model":"a","seed":1}', "seed"),
    (b'{"messages":[{"role":"user","content":"a","role":"system"}]}', "messages[0].role"),
    (b'{"messages":[{"role":"user","content":"a"}],"x":{"y":1,"y":2}}', "x.y"),
])
def test_keys_that_occur_twice(server, body, param):
    status, _, reply = server.call("POST", "/v1/chat/completions", body)
    assert status == 400 and reply["error"]["code"] == "duplicate_key" and reply["error"]["param"] == param


def test_nothing_is_ignored_in_silence(server):
    def warned(path, body):
        reply = server.call("POST", path, body)
        assert reply[0] == 200, reply
        return [(w["code"], w["field"]) for w in reply[2].get("warnings", []) if w["code"] != "model_defaulted"]
    assert warned("/v1/chat/completions", chat_body("a b", safety_identifier="me")) == [("ignored_field", "safety_identifier")]
    assert warned("/v1/generate", {"prompt": "a b", "cache_prompt": True}) == []
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert warned("/v1/chat/completions", {"messages": messages}) == [("answer_not_continued", "messages[1]")]
    part = {"type": "input_text", "text": "one two", "cache_control": {"type": "ephemeral"}}
    status, _, reply = server.call("POST", "/v1/chat/completions", chat_body([part], n_predict=1))
    assert status == 200 and reply["choices"][0]["message"]["content"] == "one " and reply["choices"][0]["finish_reason"] == "length"
    assert [w["field"] for w in reply["warnings"]] == ["messages[0].content[0].cache_control"]
    status, _, reply = server.call("POST", "/v1/generate", {"prompt": "one two", "max_tokens": 1})
    assert status == 200 and reply["text"] == "one "


@pytest.mark.parametrize("content", [None, [], 7, [{"type": "image_url"}]])
def test_user_content_that_says_nothing(server, content):
    status, _, reply = server.call("POST", "/v1/chat/completions", chat_body(content))
    assert status == 400 and reply["error"]["param"].startswith("messages[0].content")


@pytest.mark.parametrize("n", [0, -1, 17, 10**6, 2**63, 1.5, "2", True])
def test_n_out_of_range(server, n):
    status, _, body = server.chat("hi", n=n)
    assert status == 400 and body["error"]["param"] == "n"


def test_errors_come_before_the_stream(server):
    status, headers, body = server.chat("x" * 5000, stream=True)
    assert status == 400 and headers["Content-Type"] == "application/json"
    assert body["error"]["code"] == "context_length_exceeded" and body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"].startswith("This model's maximum context length is")
    status, _, body = server.chat("hi", stream=True, chat_template_kwargs={"fail": 1})
    assert status == 400 and body["error"]["code"] == "template_error"
    # One choice of several that is refused refuses the call.
    status, _, body = server.call("POST", "/v1/completions", {"prompt": ["a", "x" * 5000], "stream": True})
    assert status == 400


def test_error_in_the_middle_of_a_stream(server):
    events, _ = server.stream("#fail")
    assert events[-1]["error"]["code"] == "numeric_error" and "[DONE]" not in events
    assert text_of(events) == "x x x "
    status, _, body = server.chat("#fail")
    assert status == 500 and body["error"]["code"] == "numeric_error"


def test_headers_and_role_come_before_the_prompt_is_processed(fake):
    server = fake(flags=["steps"])
    link = server.open_stream(chat_body("#prefill 50 hello"))
    raw = read_until(link, b'"role":"assistant"')  # No step is made yet.
    assert raw.startswith(b"HTTP/1.1 200") and b"hello" not in raw
    server.clear_flag("steps")
    raw = read_until(link, b"[DONE]")
    assert raw.index(b": prompt ") < raw.index(b"hello ")


def test_text_that_line_splitters_break_on(server):
    status, _, raw = server.call("POST", "/v1/chat/completions", chat_body("#utf8", stream=True))
    assert b"\\u2028" in raw and b"\\u0085" in raw and b"\xe2\x80\xa8" not in raw
    events, _ = parse_events(raw)
    assert text_of(events) == "a\u2028b\u0085\U0001F600\u4e2d\u6587\"\\\n"


def test_lines_stay_short_when_text_was_merged(fake):
    server = fake(env={"FAKE_STEP_MS": "0", "FAKE_CONTEXT": "200000"})
    link = server.open_stream(chat_body("#count 60000"))
    # Nothing is read: some text waits in the server, merged; the rest is not made yet.
    wait_until(lambda: server.metric("ingle_sequences_paused") == 1, 120)
    other = server.stream("#count 100")[0]
    assert text_of(other).split()[-1] == "100"
    stream = dechunk(read_until(link, b"\r\n0\r\n\r\n"))
    assert all(len(line) <= 32 << 10 for line in stream.split(b"\n"))
    events, _ = parse_events(stream)
    assert text_of(events).split() == [str(i) for i in range(1, 60001)]


def test_models(server):
    told = server.call("GET", "/v1/models/fake")[2]["ingle"]
    assert told["sampling"]["temperature"] == {"value": 0.25, "origin": "model", "key": "fake.temperature"}
    assert told["warnings"] == ["the fake model has no weights"]
    lines = [line for line in server.log if " model_default " in line]
    assert len(lines) == 1 and 'field="temperature" value="0.25" key="fake.temperature"' in lines[0]
    assert any("ingle worker: the fake model has no weights" in line for line in server.log)
    for path in ("/v1/models", "/models", "/v1//models", "/v1/models/"):
        status, _, body = server.call("GET", path)
        assert status == 200 and body["object"] == "list" and body["data"][0]["id"] == "fake", path
    assert server.call("GET", "/v1/models/fake")[2]["object"] == "model"
    status, _, body = server.call("GET", "/v1/models/org%2Fother:tag")
    assert status == 404 and body["error"]["code"] == "model_not_found" and "org/other:tag" in body["error"]["message"]


def test_replies_are_valid_utf8_whatever_is_quoted(server):
    status, _, body = server.call("GET", "/v1/models/%ff%fe")
    assert status == 400 and body["error"]["message"]
    # Both are cut inside a character when a message quotes them; http.client's body is decoded strictly.
    status, _, body = server.call("GET", "/v1/models/x" + "%c3%a9" * 150)
    assert status == 404 and body["error"]["code"] == "model_not_found"
    status, _, body = server.chat("a b", model="x" + "é" * 120)
    assert status == 200 and body["warnings"][0]["code"] == "model_substituted"


def test_unknown_paths_and_methods(server):
    status, headers, body = server.call("GET", "/v1/unknown")
    assert status == 404 and body["error"]["code"] == "unknown_url"
    status, headers, body = server.call("GET", "/v1/chat/completions")
    assert status == 405 and headers["Allow"] == "POST, OPTIONS"
    assert server.call("PATCH", "/v1/models")[0] == 405
    assert server.call("POST", "/v1/batches/x/cancel", b"")[0] == 404


def test_health(server):
    assert server.call("GET", "/health")[2]["status"] == "ok"
    assert server.call("GET", "/livez")[0] == 200 and server.call("GET", "/readyz")[0] == 200
    status, headers, page = server.call("GET", "/")
    assert status == 200 and headers["Content-Type"].startswith("text/html") and b"curl" in page and b"/docs" in page
    page = server.call("GET", "/docs")[2]
    assert b"temperature" in page and b"-9223372036854775808 to 18446744073709551615" in page and b"e+" not in page


def test_draining_shows_in_health_and_readiness(fake):
    server = fake("--drain-notice-ms", 0, flags=["steps"])
    link = server.open_stream(chat_body("#count 2000"))
    begun = read_until(link, b'"role":"assistant"')
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: server.call("GET", "/readyz")[0] != 200)
    status, _, body = server.call("GET", "/readyz")
    assert status == 503 and body["model"] == "draining"
    status, _, body = server.call("GET", "/health")
    assert status == 503 and body["status"] == "draining" and body["model"] == "ready" and body["in_flight"] == 1
    assert server.call("GET", "/livez")[0] == 200
    status, headers, body = server.chat("more")
    assert status == 503 and body["error"]["code"] == "server_shutting_down" and headers["Retry-After"] == "1"
    assert headers["Connection"] == "close"
    server.clear_flag("steps")
    assert b"2000 " in begun + read_until(link, b"[DONE]"), "what runs may end"
    assert server.process.wait(60) == 0


def test_a_method_nobody_knows(server):
    status, headers, body = server.call("BREW", "/livez")
    assert status == 501 and headers["x-should-retry"] == "false"
    assert body["error"]["type"] == "invalid_request_error" and body["error"]["code"] == "unknown_method"


def test_keys(fake):
    server = fake("--api-key", "sesame", wait=False)
    server.wait_ready()  # Health needs no key.
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}):
        status, reply, body = server.call("GET", "/v1/models", headers=headers)
        assert status == 401 and body["error"]["code"] == "invalid_api_key" and reply["WWW-Authenticate"] == "Bearer"
    for headers in ({"Authorization": "Bearer sesame"}, {"x-api-key": "sesame"}, {"api-key": "sesame"}):
        assert server.call("GET", "/v1/models", headers=headers)[0] == 200
    assert server.call("GET", "/no/such/path")[0] == 401, "paths are not told to strangers"
    assert server.call("POST", "/v1/chat/completions", chat_body("x" * 1000000))[0] == 401
    assert "sesame" not in "".join(server.log)


def test_any_authorization_without_keys(server):
    for value in ("Bearer", "Bearer anything", None):
        headers = {} if value is None else {"Authorization": value}
        assert server.call("GET", "/v1/models", headers=headers)[0] == 200


def test_other_addresses_need_a_key():
    server = FakeServer("--host", "0.0.0.0", wait=False)
    assert server.wait_end() == 78
    assert "--api-key" in "".join(server.log)


def test_host_and_origin(server):
    status, _, body = server.call("GET", "/v1/models", headers={"Host": "evil.example"})
    assert status == 403 and body["error"]["code"] == "host_not_allowed"
    status, headers, body = server.call("POST", "/v1/chat/completions", chat_body("hi"),
                                        headers={"Origin": "http://evil.example", "Content-Type": "text/plain"})
    assert status == 403 and body["error"]["code"] == "origin_not_allowed"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Access-Control-Allow-Origin" not in server.call("GET", "/v1/models", headers={"Origin": "null"})[1]
    # Another port of this machine is another program.
    for origin in ("http://127.0.0.1:9", "http://localhost:9", "http://localhost.evil.com"):
        for method, body in (("GET", None), ("OPTIONS", None), ("POST", chat_body("hi"))):
            status, headers, _ = server.call(method, "/v1/chat/completions", body, headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in headers
            assert status == {"GET": 405, "OPTIONS": 204, "POST": 403}[method]


def test_origins_that_may_use_the_server(fake):
    server = fake("--allow-origin", "https://app.example")
    for origin in (f"http://127.0.0.1:{server.port}", "https://app.example"):
        status, headers, _ = server.call("OPTIONS", "/v1/chat/completions", headers={
            "Origin": origin, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type, x-stainless-lang"})
        assert status == 204 and headers["Access-Control-Allow-Origin"] == origin
        assert headers["Access-Control-Allow-Headers"] == "authorization, content-type, x-stainless-lang"
        assert "Access-Control-Allow-Credentials" not in headers
        for stream in (False, True):
            status, headers, _ = server.call("POST", "/v1/chat/completions", chat_body("hi", stream=stream),
                                             headers={"Origin": origin})
            assert status == 200 and headers["Access-Control-Allow-Origin"] == origin


def test_hundred_requests_on_one_connection(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    sockets = set()
    for number in range(100):
        connection.request("POST", "/v1/chat/completions", json.dumps(chat_body(f"n {number}", stream=number % 2 == 0)))
        reply = connection.getresponse()
        raw = reply.read()
        assert reply.status == 200 and str(number).encode() in raw
        sockets.add(connection.sock.getsockname() if connection.sock else None)
    assert len(sockets) == 1 and None not in sockets
