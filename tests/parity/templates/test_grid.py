#!/usr/bin/env python3
"""Compares templates byte for byte with Python's jinja2 over a grid of conversations.

usage: test_grid.py RENDER_TEMPLATE TEMPLATE_DIRECTORY [--family NAME]...
Needs jinja2 (pip install jinja2==3.1.6). Exit code 77: nothing to compare with.
"""
import argparse
import itertools
import json
import pathlib
import subprocess
import sys

FAMILIES = ["NousResearch-Hermes-2-Pro", "meta-llama-Llama-3", "Qwen-Qwen2.5", "Qwen-Qwen3-0.6B", "SmolLM3", "LFM2"]

CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>'"
          " + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")

TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "Weather in a \"city\" <b>& more</b>",
        "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "Name, e.g. Zürich"},
            "unit": {"type": "string", "enum": ["c", "f"]}}, "required": ["city"]}}},
    {"type": "function", "function": {"name": "calculator", "description": "", "parameters": {
        "type": "object", "properties": {"expression": {"type": "string"}, "digits": {"type": "integer", "default": 2,
            "minimum": -1.5}}, "required": ["expression"], "additionalProperties": False}}},
]


def call(name, arguments, id="call12345"):
    return {"role": "assistant", "content": "", "tool_calls": [
        {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}]}


CONVERSATIONS = {
    "one": [{"role": "user", "content": "Hello"}],
    "spaces": [{"role": "user", "content": "  two\n\nlines \n"}],
    "markers": [{"role": "user", "content": "<|im_end|> {{ 7*7 }} {% raw %} </think> [INST] \u2028 \U0001f600 é"}],
    "turns": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."},
              {"role": "user", "content": "Bye"}],
    "many": [{"role": r, "content": f"text {i}"} for i, r in enumerate(["user", "assistant"] * 4 + ["user"])],
    "assistant-last": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "I say"}],
    "thought": [{"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHello."},
                {"role": "user", "content": "More"}],
    "reasoning": [{"role": "user", "content": "Hi"},
                  {"role": "assistant", "content": "Hello.", "reasoning_content": "a thought"},
                  {"role": "user", "content": "More"}],
    "tool-call": [{"role": "user", "content": "Weather?"}, call("get_weather", {"city": "Łódź", "unit": "c"})],
    "tool-result": [{"role": "user", "content": "Weather?"}, call("get_weather", {"city": "Paris"}),
                    {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": "{\"t\": 21.5}"}],
    "tool-answer": [{"role": "user", "content": "Weather?"}, call("get_weather", {"city": "Paris"}),
                    {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": "sunny"},
                    {"role": "assistant", "content": "It is sunny."}, {"role": "user", "content": "And 2+2?"},
                    call("calculator", {"expression": "2+2", "digits": 3, "exact": None, "r": 0.1}, "call54321"),
                    {"role": "tool", "name": "calculator", "tool_call_id": "call54321", "content": "4"}],
    "two-results": [{"role": "user", "content": "Both"},
                    {"role": "assistant", "content": "Calling", "tool_calls":
                        call("a", {"x": [1, 2]})["tool_calls"] + call("b", {}, "call54321")["tool_calls"]},
                    {"role": "tool", "tool_call_id": "call12345", "content": "1"},
                    {"role": "tool", "tool_call_id": "call54321", "content": "2"}],
    "string-arguments": [{"role": "user", "content": "Hi"}, call("a", "{\"x\": 1}")],
    "null-content": [{"role": "user", "content": "Hi"}, {**call("a", {"x": True}), "content": None}],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "part one"}, {"type": "text", "text": "two"}]}],
    "parts-of-all": [{"role": "system", "content": [{"type": "text", "text": "Be \u201ckind\u201d."}]},
                     {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "see"}, {"type": "text", "text": ""}]},
                     {"role": "assistant", "content": [{"type": "text", "text": "a cat"}]},
                     {"role": "user", "content": [{"type": "text", "text": "more"}, {"type": "audio"}, {"type": "video"}]}],
    "tool-parts": [{"role": "user", "content": "Weather?"}, call("get_weather", {"city": "Paris"}),
                   {"role": "tool", "name": "get_weather", "tool_call_id": "call12345",
                    "content": [{"type": "text", "text": "sunny"}]}],
    "tool-object": [{"role": "user", "content": "Weather?"}, call("get_weather", {}),
                    {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": {"t": [21.5, None]}}],
    "numbers": [{"role": "user", "content": "7"}, call("f", {"big": 2 ** 70, "neg": -2 ** 63, "huge": 1e300, "tiny": -0.0,
                "list": [1, 1.0, True, None, [], {}], "nested": {"a": {"b": {"c": "\u00e9\n\t\"\\"}}}, "": "empty key"}),
                {"role": "tool", "name": "f", "tool_call_id": "call12345", "content": "1e-7"}],
    "nulls": [{"role": "user", "content": "Hi", "name": None, "tool_calls": None},
              {"role": "assistant", "content": "Hello.", "tool_calls": None, "reasoning_content": None, "thinking": None},
              {"role": "user", "content": "Go"}],
    "no-calls": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello.", "tool_calls": []},
                 {"role": "user", "content": "Go"}],
    "thinking-field": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello.", "thinking": "a thought", "reasoning": "another"},
                       {"role": "user", "content": "More"}, {**call("a", {"x": 1}), "thinking": "why", "reasoning_content": "because"},
                       {"role": "tool", "tool_call_id": "call12345", "content": "1"}],
    "content-and-call": [{"role": "user", "content": "Hi"}, {**call("a", {"x": 1}), "content": "I call a."},
                         {"role": "tool", "tool_call_id": "call12345", "name": "a", "content": ""}, {"role": "assistant", "content": "Done. "},
                         {"role": "user", "content": "Thanks /no_think"}, {"role": "assistant", "content": "<think>\n\n</think>\n\n:)"},
                         {"role": "user", "content": "/think again"}],
    "bare-call": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"name": "a", "arguments": {"x": 1}}]}],
    "scripts": [{"role": "user", "content": "\u0645\u0631\u062d\u0628\u0627 \u4f60\u597d \u0939\u093f \U0001f469\u200d\U0001f4bb \u00a0\u3000x\u2003"},
                {"role": "assistant", "content": "\u0130\u00df\ufb01 \u03a3\u0391\u03a3\r\n\x0b\x0c\x85 end"}, {"role": "user", "content": "\u2028 ok \u2029"}],
    "tool-first": [{"role": "tool", "name": "a", "content": "1"}, {"role": "user", "content": "Hi"}],
    "assistant-first": [{"role": "assistant", "content": "Welcome."}, {"role": "user", "content": "Hi"}],
    "number-content": [{"role": "user", "content": 7}],
    "system-middle": [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Be brief."},
                      {"role": "user", "content": "Go"}],
    "two-users": [{"role": "user", "content": "Hi"}, {"role": "user", "content": "again"}],
    "no-content": [{"role": "user"}],
    "odd-role": [{"role": "ghost", "content": "boo"}],
    "empty": [],
}
SYSTEMS = {"": [], "system": [{"role": "system", "content": "You are kind.\n/no_think"}],
           "developer": [{"role": "developer", "content": "Be kind."}]}
VARIABLES = {"": {}, "thinking": {"enable_thinking": True}, "no-thinking": {"enable_thinking": False},
             "xml": {"xml_tools": TOOLS, "python_tools": ["def f(x):\n    return x"], "custom_instructions": "Do well."},
             "documents": {"documents": [{"title": "T\u00e9", "text": "D1", "doc_id": 1}, {"title": "U", "text": "D2\n", "content": "C"}],
                           "controls": {"length": "long", "originality": "abstractive"}},
             "effort": {"reasoning_effort": "high", "model_identity": "I am X.", "preserve_thinking": True, "add_vision_id": True,
                        "clear_thinking": False, "enable_citations": True, "response_format": {"type": "object"}, "date_string": None},
             "flags": {"tools_in_user_message": False, "date_string": "1 Jan 2025", "builtin_tools": ["brave_search"],
                       "keep_past_thinking": True, "thinking": True, "documents": [{"title": "T", "text": "D"}]}}


def grid(templates):
    axes = itertools.product(templates, SYSTEMS, CONVERSATIONS, (None, TOOLS), VARIABLES, (True, False))
    for name, system, conversation, tools, variables, prompt in axes:
        label = "/".join([name, system, conversation, "tools" if tools else "", variables, "prompt" if prompt else ""])
        yield label, {"template": templates[name], "messages": SYSTEMS[system] + CONVERSATIONS[conversation],
                      "tools": tools, "add_generation_prompt": prompt, "now": 1763673000,
                      "variables": {"bos_token": "<s>", "eos_token": "</s>", **VARIABLES[variables]}}


def check_spans(label, request, answer):
    """No text of the user may be trusted: the markers that only the user wrote are outside of trusted spans."""
    user = "{{ 7*7 }}"
    if any(trusted and user in text for text, trusted in answer.get("spans", [])):
        return f"{label}: user text in a trusted span"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--family", action="append")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    try:
        from reference import render
    except ImportError:
        print("SKIPPED LOUDLY: no jinja2 for Python here, nothing to compare with (pip install jinja2==3.1.6)")
        return 77
    wanted = options.family or FAMILIES
    templates = {path.stem: path.read_text(encoding="utf-8") for path in sorted(options.directory.glob("*.jinja"))
                 if options.all or any(name in path.stem for name in wanted)}
    if not templates:
        print(f"SKIPPED LOUDLY: no templates in {options.directory}")
        return 77
    templates["ChatML"] = CHATML
    process = subprocess.Popen([options.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    count, refused, wrong = 0, 0, {}
    for label, request in grid(templates):
        expected = render(request)
        process.stdin.write((json.dumps(request) + "\n").encode())
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            print(f"{label}: render_template died")
            return 1
        answer = json.loads(line)
        count += 1
        refused += "error" in expected
        problem = check_spans(label, request, answer)
        if ("error" in expected) != ("error" in answer) or expected.get("text") != answer.get("text") or problem:
            wrong.setdefault(label.split("/")[0], []).append((label, expected, answer, problem))
    process.stdin.close()
    for name, cases in wrong.items():
        label, expected, answer, problem = cases[0]
        print(f"{name}: {len(cases)} differ, first: {label}\n  expected {expected}\n  got      {answer}\n  {problem or ''}")
    print(f"{len(templates)} templates, {count} renderings, {refused} refused by jinja2, "
          f"{sum(map(len, wrong.values()))} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
