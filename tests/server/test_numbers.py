"""Whole numbers of more than 64 bits: exact where a template gets them, refused as parameters."""
import pytest

from fake_server import chat_body

BIG = 123456789012345678901234567890
BODIES = {"chat/completions": {"messages": [{"role": "user", "content": "x"}]}, "completions": {"prompt": "x"},
          "generate": {"prompt": "x"}}
TOOL = {"type": "function", "function": {"name": "f"}}
CASES = [("seed", BIG), ("seed", -BIG), ("seed", 2**64), ("max_tokens", BIG), ("temperature", BIG), ("top_k", -BIG),
         ("logit_bias", {"1": BIG}), ("logit_bias", BIG), ("stop", BIG), ("stream", BIG)]
CHAT_CASES = [("n", BIG), ("stream_options", BIG), ("messages", BIG), ("messages", [BIG]),
              ("messages", [{"role": "user", "content": BIG}]), ("messages", [{"role": "user", "content": [BIG]}]),
              ("messages", [{"role": BIG, "content": "x"}]), ("tools", [BIG]), ("chat_template_kwargs", BIG),
              ("tools", [{"type": "function", "function": BIG}]),
              ("tools", [{"type": "function", "function": {"name": "f", "parameters": BIG}}]),
              ("messages", [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": BIG}}]}])]


@pytest.mark.parametrize("path, field, value",
                         [(path, *case) for path in BODIES for case in CASES] +
                         [("chat/completions", *case) for case in CHAT_CASES] +
                         [("completions", "prompt", BIG), ("completions", "prompt", [BIG]), ("generate", "prompt", BIG)])
def test_no_parameter_is_that_large(server, path, field, value):
    status, _, body = server.call("POST", "/v1/" + path, {**BODIES[path], field: value})
    assert status == 400 and body["error"]["param"].startswith(field), body
    assert "\ufffd" not in body["error"]["message"]


def test_what_passes_into_the_template_may_be(server):
    tool = {**TOOL, "function": {"name": "f", "parameters": {"type": "object", "maximum": BIG}}}
    fields = {"tools": [tool], "unknown": BIG, "chat_template_kwargs": {"x": BIG}}
    status, _, body = server.call("POST", "/v1/chat/completions", chat_body("hi", **fields))
    assert status == 200 and body["choices"][0]["message"]["content"] == "hi ", body
    assert [w["code"] for w in body["warnings"] if w["field"] == "unknown"] == ["unknown_field"]
    # Only the number is a whole body, so there is no object.
    status, _, body = server.call("POST", "/v1/chat/completions", b"%d" % BIG)
    assert status == 400 and body["error"]["code"] == "invalid_json"


@pytest.mark.parametrize("value", ["1e400", "-1e400", "1" + "0" * 5000])
def test_numbers_beyond_a_double(server, value):
    body = b'{"messages": [{"role": "user", "content": "x"}], "temperature": %s}' % value.encode()
    status, _, reply = server.call("POST", "/v1/chat/completions", body)
    assert status == 400 and len(reply["error"]["message"]) < 300, reply
