"""ingle render: the exact prompt, inputs passed through unchanged, refusals."""
import json

import pytest

from gguf_file import CHATML, vocabulary_only

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def render(ingle, tmp_path):
    def run(template, messages, *flags, tools=None):
        (tmp_path / "messages.json").write_text(messages if isinstance(messages, str) else json.dumps(messages))
        (tmp_path / "template.jinja").write_text(template)
        arguments = ["--template", tmp_path / "template.jinja", "--messages", tmp_path / "messages.json"]
        if tools is not None:
            (tmp_path / "tools.json").write_text(tools if isinstance(tools, str) else json.dumps(tools))
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


# What Python 3.11's json and jinja2 3.1.6 make of the same texts, tojson as in transformers.
@pytest.mark.parametrize("tools,shown", [("null", "None|True|null|n"), ("{}", "{}|False|{}|n"), ("[]", "[]|False|[]|n")])
def test_no_tools_reach_the_template_as_they_were_written(render, tools, shown):
    template = "{{ tools }}|{{ tools is none }}|{{ tools | tojson }}|{{ 'y' if tools else 'n' }}"
    assert render(template, HELLO, tools=tools).stdout.decode() == shown
    assert render(CHATML, HELLO, "--as-api", tools=tools).returncode == (1 if tools == "{}" else 0)


@pytest.mark.parametrize("tools", ['{"name": "f"}', "1", '"f"', "true", "[", ""])
def test_what_holds_no_list_of_tools_is_refused(render, tools):
    done = render(CHATML, HELLO, tools=tools)
    assert done.returncode == 1 and b"--tools" in done.stderr and done.stdout == b""


BIG = '[{"role": "user", "content": 123456789012345678901234567890, "x": -98765432109876543210, "y": 18446744073709551616}]'


def test_whole_numbers_of_any_size_are_exact(render):
    done = render("{{ messages[0].content }} {{ messages[0].x + 1 }} {{ messages | tojson }} {{ messages[0].y // 3 }}", BIG)
    assert done.stdout.decode() == f"123456789012345678901234567890 -98765432109876543209 {BIG} 6148914691236517205", done.stderr
    done = render("{{ n }} {{ tools }}", HELLO, "--set", '{"n": -12345678901234567890}', tools="[99999999999999999999]")
    assert done.stdout == b"-12345678901234567890 [99999999999999999999]"
    assert render("{{ n }}", HELLO, "--set", '{"n": %s}' % ("7" * 4300)).stdout == b"7" * 4300
    done = render("{{ n }}", HELLO, "--set", '{"n": %s}' % ("7" * 4301))  # Python's own limit.
    assert done.returncode == 1 and b"4300 digits" in done.stderr


def test_arguments_of_calls_keep_their_numbers(render):
    call = {"type": "function", "function": {"name": "f", "arguments": '{"n": 123456789012345678901234567890}'}}
    messages = [{"role": "assistant", "tool_calls": [call]}]
    done = render("{{ messages[0].tool_calls[0].function.arguments.n }}", messages, "--as-api")
    assert done.stdout == b"123456789012345678901234567890", done.stderr


def test_the_api_keeps_whole_numbers_as_render_does(render):
    messages = [{"role": "user", "content": "x", "n": 0}]
    text = json.dumps(messages).replace('"n": 0', '"n": 123456789012345678901234567890')
    for extra in ([], ["--as-api"]):
        done = render("{{ messages[0].n }} {{ m }}", text, "--set", '{"m": 99999999999999999999}', *extra)
        assert done.stdout == b"123456789012345678901234567890 99999999999999999999", done.stderr


@pytest.mark.parametrize("depth,code", [(65, 0), (300, 0), (500, 0), (501, 1), (100000, 1)])
def test_deep_nesting(render, depth, code):
    done = render("{{ messages | tojson | length }} {{ messages | string | length }} {{ messages == messages }}",
                  "[" * depth + "1" + "]" * depth)
    assert done.returncode == code, done.stderr
    assert done.stdout.decode() == (f"{2 * depth + 1} {2 * depth + 1} True" if code == 0 else "")
    if code:
        assert b"nested deeper than 500 levels" in done.stderr


@pytest.mark.parametrize("name", ["self", "messages", "conversation"])
def test_variables_that_no_caller_of_a_template_can_set_are_refused(render, name):
    done = render("x", HELLO, "--set", json.dumps({name: 1}))
    assert done.returncode == 1 and f"'{name}'".encode() in done.stderr


def test_variables_that_flags_set_already_are_refused(render):
    assert render("{{ tools }}{{ add_generation_prompt }}", HELLO, "--set", '{"tools": 1, "add_generation_prompt": 2}').stdout == b"12"
    assert render("x", HELLO, "--set", '{"tools": 1}', tools=[]).returncode == 1
    assert render("x", HELLO, "--no-generation-prompt", "--set", '{"add_generation_prompt": true}').returncode == 1


@pytest.mark.parametrize("variables", ["[1]", "{", "1"])
def test_variables_must_be_an_object(render, variables):
    done = render("x", HELLO, "--set", variables)
    assert done.returncode == 1 and b"--set" in done.stderr


def test_a_template_that_does_not_compile(ingle, tmp_path):
    model = vocabulary_only(tmp_path / "v.gguf", **{"tokenizer.chat_template": "{% for %}"})
    done = ingle("render", model, "--messages", "-", input=b"[]")
    assert done.returncode == 1 and b"does not compile" in done.stderr


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
