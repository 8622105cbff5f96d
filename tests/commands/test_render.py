"""ingle render: the exact prompt, inputs passed through unchanged, refusals."""
import json

import pytest

from gguf_file import CHATML, vocabulary_only

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def render(ingle, tmp_path):
    def run(template, messages, *flags, tools=None):
        (tmp_path / "messages.json").write_text(json.dumps(messages))
        (tmp_path / "template.jinja").write_text(template)
        arguments = ["--template", tmp_path / "template.jinja", "--messages", tmp_path / "messages.json"]
        if tools is not None:
            (tmp_path / "tools.json").write_text(json.dumps(tools))
            arguments += ["--tools", tmp_path / "tools.json"]
        return ingle("render", *arguments, *flags)
    return run


def test_exact_prompt(render):
    assert render(CHATML, HELLO).stdout == b"<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    assert render(CHATML, HELLO, "--no-generation-prompt").stdout == b"<|im_start|>user\nHello<|im_end|>\n"


def test_of_a_model(ingle, tmp_path):
    model = vocabulary_only(tmp_path / "v.gguf")
    done = ingle("render", model, "--messages", "-", input=json.dumps(HELLO).encode())
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"


def test_begin_and_end_tokens_of_a_model_reach_its_template(ingle, tmp_path):
    model = vocabulary_only(tmp_path / "v.gguf", **{"tokenizer.chat_template": "{{ bos_token }}|{{ eos_token }}"})
    done = ingle("render", model, "--messages", "-", input=b"[]")
    assert done.stdout == b"<|endoftext|>|<|im_end|>"


def test_messages_and_tools_are_passed_unchanged(render):
    messages = [{"zebra": 1, "role": "tool", "content": [{"type": "text", "text": "a"}], "apple": None}]
    tools = [{"type": "function", "function": {"name": "f", "b": 1, "a": 2}}]
    done = render("{{ messages | tojson }}\n{{ tools | tojson }}", messages, tools=tools)
    assert done.returncode == 0, done.stderr
    shown, shown_tools = done.stdout.decode().splitlines()
    assert json.loads(shown) == messages and json.loads(shown_tools) == tools
    assert shown.index("zebra") < shown.index("role") < shown.index("content") < shown.index("apple")
    assert shown_tools.index('"b"') < shown_tools.index('"a"')


def test_variables(render):
    assert render("{{ name }} {{ n + 1 }}", HELLO, "--set", '{"name": "x", "n": 2}').stdout == b"x 3"


def test_a_template_that_refuses_gives_exit_code_1_and_its_message(render):
    done = render("{{ raise_exception('only two turns') }}", HELLO)
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"only two turns" in done.stderr


@pytest.mark.parametrize("template", ["{% for %}", "{{ 1 // 0 }}", "{{ ''.__class__.__mro__[1] }}",
                                      "{% for i in range(10**9) %}{% endfor %}"])
def test_what_the_sandbox_refuses_gives_exit_code_1(render, template):
    done = render(template, HELLO)
    assert done.returncode == 1 and done.stderr.startswith(b"ingle render: ")


def test_user_text_is_never_evaluated(render):
    assert b"{{ 7*7 }}{% raw %}" in render(CHATML, [{"role": "user", "content": "{{ 7*7 }}{% raw %}"}]).stdout


def test_as_api_normalises_first(render):
    parts = [{"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    assert b"<|im_start|>developer" in render(CHATML, parts).stdout
    assert render(CHATML, parts, "--as-api").stdout.startswith(b"<|im_start|>system\na\nb<|im_end|>")
    bad = render(CHATML, [{"content": "no role"}], "--as-api")
    assert bad.returncode == 1 and b"messages[0]" in bad.stderr


@pytest.mark.parametrize("text", [b"", b"{}", b"[", b"[1]]"])
def test_messages_must_be_a_json_array(ingle, tmp_path, text):
    (tmp_path / "t").write_text("x")
    done = ingle("render", "--template", tmp_path / "t", "--messages", "-", input=text)
    assert done.returncode == 1 and b"--messages" in done.stderr


def test_a_model_without_a_template(ingle, tmp_path):
    model = vocabulary_only(tmp_path / "v.gguf", **{"tokenizer.chat_template": ""})
    done = ingle("render", model, "--messages", "-", input=b"[]")
    assert done.returncode == 1 and b"--template" in done.stderr
