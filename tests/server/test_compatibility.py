"""What clients send and expect, with the real engine and the bundled model; fields and shapes are in test_api.py."""
import contextlib
import json
import socket

import pytest

from fake_server import parse_events, text_of

ASK = [{"role": "user", "content": "What is the capital of Poland?"}]
TOOL = {"type": "function", "function": {"name": "get_weather", "strict": None, "description": "",
                                         "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}


@pytest.fixture(scope="module")
def spark(server_class):
    server = server_class("--alias", "org/spark:8-bit")
    try:
        yield server.wait_ready()
    finally:
        server.stop()


def say(spark, **fields):
    return spark.chat({"messages": ASK, "temperature": 0, **fields})


def test_names_with_slashes_and_what_they_do_not_find(spark):
    status, _, model = spark.request("GET", "/v1/models/org%2Fspark:8-bit")
    assert status == 200 and model["id"] == "org/spark:8-bit" and model["object"] == "model"
    status, _, error = spark.request("GET", "/v1/models/org%2Fother:tag")
    assert status == 404 and error["error"]["code"] == "model_not_found"
    (listed,) = spark.request("GET", "/v1/models")[2]["data"]
    assert listed == model and isinstance(listed["created"], int) and listed["owned_by"]


@pytest.mark.parametrize("path", ["/chat/completions", "/v1//chat/completions", "//v1/chat/completions/", "/v1/v1/chat/completions"])
def test_paths_as_clients_build_them(spark, path):
    status, _, reply = spark.request("POST", path, {"messages": ASK, "max_tokens": 2})
    assert status == 200 and reply["object"] == "chat.completion"
    status, _, reply = spark.request("POST", path.replace("chat/", ""), {"prompt": "Once", "max_tokens": 2})
    assert status == 200 and reply["object"] == "text_completion"


@pytest.mark.parametrize("field, value", [
    ("foo", {"a": [1]}), ("provider", {"order": ["x"]}), ("ttl", 300), ("thinking", {"type": "enabled"}), ("num_ctx", 4096),
    ("store", True), ("metadata", {"a": "b"}), ("user", "me"), ("service_tier", "flex"), ("verbosity", "low"),
    ("safety_identifier", "x"), ("web_search_options", {}), ("prediction", {"type": "content", "content": "x"}),
    ("moderation", {}), ("prompt_cache_retention", "24h")])
def test_what_has_no_effect_is_named_and_changes_nothing(spark, field, value):
    reply = say(spark, model="org/spark:8-bit", **{field: value})
    assert reply["choices"] == say(spark)["choices"]
    assert [w["field"] for w in reply["warnings"]] == [field]


@pytest.mark.parametrize("fields", [
    {name: None for name in ("temperature", "stop", "tools", "tool_choice", "seed", "n", "max_tokens", "max_completion_tokens",
                             "logprobs", "top_logprobs", "logit_bias", "response_format", "stream", "stream_options", "user",
                             "frequency_penalty", "presence_penalty", "reasoning_effort", "parallel_tool_calls", "foo")},
    {"tools": [], "stop": [], "logit_bias": {}, "grammar": "", "response_format": {"type": "text"}},
    {"logit_bias": [], "stop": None, "service_tier": "auto", "parallel_tool_calls": True, "modalities": ["text"]},
    {"prompt_cache_key": "k", "store": False, "metadata": {}, "stream": False, "stream_options": {"include_usage": True}}])
def test_what_says_nothing_is_as_if_it_were_absent(spark, fields):
    reply = spark.chat({"model": "org/spark:8-bit", "messages": ASK, "temperature": 0, **fields})
    assert "warnings" not in reply, reply["warnings"]


def test_both_names_of_the_longest_answer(spark):
    for fields in ({"max_tokens": 3}, {"max_completion_tokens": 3}, {"max_tokens": 3, "max_completion_tokens": 30},
                   {"max_tokens": 30, "max_completion_tokens": 3}):
        reply = say(spark, ignore_eos=True, **fields)
        assert reply["usage"]["completion_tokens"] == 3 and reply["choices"][0]["finish_reason"] == "length"


def test_stop_strings_across_tokens_never_show(spark):
    whole = say(spark)["choices"][0]["message"]["content"]
    assert len(whole) > 12
    for begin in range(1, len(whole) - 6):
        stop = whole[begin:begin + 6]
        cut = whole.split(stop)[0]
        fields = {"stop": ["never said 1", "never said 2", "never said 3", "never said 4", stop]}
        choice = say(spark, **fields)["choices"][0]
        assert choice["message"]["content"] == cut and choice["finish_reason"] == "stop"
        events = spark.stream("/v1/chat/completions", {"messages": ASK, "temperature": 0, **fields})
        assert text_of(events) == cut, (stop, cut)


ROLES = ["system", "developer", "user", "assistant", "tool"]


@pytest.mark.parametrize("messages", [
    [{"role": role, "content": content, "tool_call_id": "1"}, *ASK] for role in ROLES
    for content in ("text", "", [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}])] + [
    [{"role": role, "content": None, "tool_call_id": "1"}, *ASK] for role in ROLES if role != "user"] + [
    [{"role": "system", "content": "a"}, {"role": "system", "content": "b"}, *ASK],
    [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}, *ASK],
    [{"role": "user", "content": "a", "name": "bob"}, {"role": "user", "content": "b", "name": "eve"}, *ASK],
    [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}, *ASK],
    [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": "hm", "name": "x"}, *ASK],
    [*ASK, {"role": "assistant", "content": "The capital"}],
    [*ASK, {"role": "assistant", "content": None, "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\"}"}}]},
     {"role": "tool", "tool_call_id": "1", "content": "warm"}]])
def test_conversations_that_clients_send(spark, messages):
    reply = spark.chat({"messages": messages, "max_tokens": 4, "tools": [TOOL]})
    message = reply["choices"][0]["message"]
    assert message["role"] == "assistant" and isinstance(message["content"], str) and message["refusal"] is None


def test_developer_is_system_to_the_template(spark):
    counted = [say(spark, messages=[{"role": role, "content": "Be brief."}, *ASK]) for role in ("system", "developer")]
    assert counted[0]["choices"] == counted[1]["choices"]
    assert counted[0]["usage"]["prompt_tokens"] == counted[1]["usage"]["prompt_tokens"]


def test_an_image_is_refused_by_its_name(spark):
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    status, _, reply = spark.request("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": [part]}]})
    assert status == 400 and reply["error"]["param"] == "messages[0].content[0].type" and "image_url" in reply["error"]["message"]


def test_a_template_in_a_request_is_not_allowed(spark):
    for path in ("chat/completions", "completions", "generate"):
        body = {"messages": ASK} if "chat" in path else {"prompt": "Hi"}
        status, _, reply = spark.request("POST", "/v1/" + path, {**body, "chat_template": "{{ messages }}"})
        assert status == 403 and reply["error"]["param"] == "chat_template" and reply["error"]["code"] == "parameter_not_allowed"
        assert spark.request("POST", "/v1/" + path, {**body, "chat_template": None, "max_tokens": 1})[0] == 200


def test_any_model_name_is_echoed_unless_the_server_is_strict(spark, serve):
    assert say(spark, model="gpt-4o")["model"] == "gpt-4o"
    strict = serve("--strict-model")
    status, _, reply = strict.request("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": ASK})
    assert status == 404 and reply["error"]["code"] == "model_not_found" and reply["error"]["type"] == "invalid_request_error"
    assert strict.chat({"model": "spark", "messages": ASK})["model"] == "spark"


def test_completions_of_every_prompt(spark):
    def texts(prompt, **fields):
        status, _, reply = spark.request("POST", "/v1/completions", {"prompt": prompt, "temperature": 0, "max_tokens": 4, **fields})
        assert status == 200, reply
        return [choice["text"] for choice in reply["choices"]]
    (once,) = texts("Once")
    assert texts(["Once"]) == [once] and texts(["Once", "Twice"])[0] == once
    ids = [5, 6, 7]
    assert texts([ids, ids]) == texts(ids) * 2
    assert texts("Once", logprobs=10, best_of=1, suffix=None, echo=False) == [once]
    # No cap but the context, unlike OpenAI's 16.
    status, _, reply = spark.request("POST", "/v1/completions", {"prompt": "Once", "ignore_eos": True, "temperature": 0})
    assert reply["choices"][0]["finish_reason"] == "length" and reply["usage"]["total_tokens"] == 512


def test_counts_add_up(spark):
    whole = say(spark, n=2, seed=3)
    usage = whole["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert isinstance(usage["prompt_tokens_details"]["cached_tokens"], int)
    assert [c["index"] for c in whole["choices"]] == [0, 1]
    *chunks, last = spark.stream("/v1/chat/completions", {"messages": ASK, "temperature": 0, "n": 2, "seed": 3,
                                                          "stream_options": {"include_usage": True}})
    assert last["choices"] == [] and last["usage"]["total_tokens"] == usage["total_tokens"]
    assert all(chunk["usage"] is None and len(chunk["choices"]) == 1 for chunk in chunks)


def test_a_context_that_is_too_small_is_said_in_the_words_that_clients_look_for(spark):
    for stream in (False, True):
        status, _, reply = spark.request("POST", "/v1/chat/completions",
                                         {"messages": [{"role": "user", "content": "word " * 1000}], "stream": stream})
        assert status == 400 and reply["error"]["code"] == "context_length_exceeded"
        assert reply["error"]["message"].startswith("This model's maximum context length is 512 tokens.")


@pytest.mark.parametrize("request_line, status", [
    ("GET /livez", "200 OK"), ("GET /none", "404 Not Found"), ("PUT /livez", "405 Method Not Allowed"),
    ("BREW /livez", "501 Not Implemented"), ("POST /v1/chat/completions", "400 Bad Request"),
    ("POST /v1/batches/b/cancel", "404 Not Found"), ("OPTIONS /v1/models", "204 No Content")])
def test_reason_phrases_and_ids(spark, request_line, status):
    with socket.create_connection(("127.0.0.1", spark.port), timeout=60) as link:
        link.sendall(f"{request_line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        raw = b""
        while piece := link.recv(65536):
            raw += piece
    head, body = raw.decode().split("\r\n\r\n", 1)
    assert head.startswith(f"HTTP/1.1 {status}\r\n") and "\r\nx-request-id: req_" in head
    if not status.startswith("2"):
        assert "\r\nContent-Type: application/json\r\n" in head
        error = json.loads(body)["error"]
        assert isinstance(error["message"], str) and {"type", "param", "code"} <= error.keys()


def test_streams_are_events_without_a_buffer_and_keep_the_connection(spark):
    with contextlib.closing(socket.create_connection(("127.0.0.1", spark.port), timeout=60)) as link:
        for _ in range(2):
            body = json.dumps({"messages": ASK, "stream": True, "temperature": 0}).encode()
            link.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip, br\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body)
            raw = b""
            while not raw.endswith(b"\r\n0\r\n\r\n"):
                raw += link.recv(65536)
            head = raw.split(b"\r\n\r\n", 1)[0].lower()
            assert b"content-type: text/event-stream" in head and b"content-encoding" not in head
            assert b"cache-control: no-cache" in head
    status, _, text = spark.request("POST", "/v1/chat/completions", {"messages": ASK, "stream": True, "temperature": 0})
    events, _ = parse_events(text.encode())
    assert status == 200 and events[-1] == "[DONE]"
    assert text_of(events) == say(spark)["choices"][0]["message"]["content"]
