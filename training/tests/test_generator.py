"""Tests of the data: same seed, same text; nothing held out is trained; one template, two renderers."""

import json
import random
import sys
from pathlib import Path

import jinja2
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import conversations
import facts
import invent
import skills

TEMPLATE = Path(__file__).parent.parent.parent / "models" / "spark.jinja"
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "<tool_call>")


def text(talk, generation_prompt=False):
    return "".join(piece for piece, _ in conversations.render(talk, generation_prompt))


def talks(n, **options):
    for kind in conversations.KINDS:
        r = random.Random(f"test {kind}")
        for _ in range(n):
            yield conversations.make(r, kind, **options)


def jinja(talk, **variables):
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    tools = [conversations.tool_schema(name) for name in talk.tools] or None
    template = environment.from_string(TEMPLATE.read_text())
    return template.render(messages=talk.messages, tools=tools, **variables)


def test_same_seed_same_text():
    first, second = [text(t) for t in talks(20)], [text(t) for t in talks(20)]
    assert first == second
    assert len(set(first)) > 0.8 * len(first)


def test_nothing_held_out_is_trained():
    trained = {t.key for t in talks(400) if t.key and t.kind != "no_tool_needed"}
    tested = {t.key for t in talks(60, held=True) if t.key}
    assert len(trained) > 5000 and len(tested) > 800
    assert not trained & tested
    assert all(invent.held(key) for key in tested)


def test_unseen_names_are_never_made_in_training():
    never = set(invent.UNSEEN_NAMES) | set(invent.UNSEEN_CITIES)
    assert not never & (set(facts.FIRST_NAMES) | set(facts.CITIES))
    r = random.Random(3)
    for make, known in ((invent.person, facts.FIRST_NAMES), (invent.city, facts.CITIES)):
        for _ in range(2000):
            name = make(r)
            assert name in known or (name not in never and not invent.held("name:" + name))
            assert make(r, True) not in known


def test_every_fact_is_trained():
    r = random.Random(4)
    words, countries = set(), set()
    for _ in range(12000):
        talk = conversations.asked(r, "translation")
        words.add(talk.answer)
        countries.add(conversations.asked(r, "capital").answer)
    assert len(words) >= 4 * len(facts.WORDS) and len(facts.WORDS) >= 200
    assert len(countries) == len(facts.COUNTRIES) >= 60


@pytest.mark.parametrize("generation_prompt", (False, True))
def test_template_equals_the_renderer_of_training(generation_prompt):
    for talk in talks(40, most=3):
        assert jinja(talk, add_generation_prompt=generation_prompt) == text(talk, generation_prompt)


def test_enable_thinking_is_the_flag_that_users_can_type():
    for kind in ("capital", "recall_name", "weather_call"):
        plain = conversations.make(random.Random(7), kind, thinking=False, most=3)
        asked, _ = conversations.question_and_answer(plain)
        flagged = conversations.Conversation([dict(m) for m in asked.messages], kind, tools=asked.tools)
        for message in flagged.messages:
            if message["role"] == "user":
                message["content"] += " /think"
        assert jinja(asked, enable_thinking=True, add_generation_prompt=True) == text(flagged, True)
        assert jinja(flagged, enable_thinking=False, add_generation_prompt=True) == text(asked, True)


def test_template_takes_what_clients_send():
    call = {"id": "x", "type": "function", "function": {"name": "calculator", "arguments": '{"expression": "1 + 2"}'}}
    talk = conversations.Conversation([
        {"role": "developer", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "1 + 2"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "x", "content": "3"}], "calculator_answer", tools=["calculator"])
    assert jinja(talk, add_generation_prompt=True) == (
        "<|im_start|>system\nBe brief.\n\nTools:\ncalculator(expression)<|im_end|>\n"
        "<|im_start|>user\n1 + 2<|im_end|>\n<|im_start|>assistant\n<tool_call>\n"
        '{"name": "calculator", "arguments": {"expression": "1 + 2"}}\n</tool_call><|im_end|>\n'
        "<|im_start|>tool\n3<|im_end|>\n<|im_start|>assistant\n")


def test_only_answers_are_trained_and_they_end():
    for talk in talks(30):
        for piece, trained in conversations.render(talk):
            if trained:
                assert piece.endswith("<|im_end|>") and piece.count("<|im_end|>") == 1
        for message in talk.messages:
            assert not any(token in message["content"] for token in CONTROL)


def test_answers_are_right():
    r = random.Random(5)
    for _ in range(500):
        for kind, sign in (("addition", 1), ("subtraction", -1)):
            left, right = conversations.asked(r, kind).answer.rstrip(".").split(" = ")
            a, _, b = left.split()
            assert int(a) + sign * int(b) == int(right)
        value = json.loads(conversations.asked(r, "json").answer)
        assert value and all(v != "" for v in value.values())
    assert all(skills.f.OPPOSITES[skills.f.OPPOSITES[w]] == w for w in facts.OPPOSITES)
    assert "capital" in skills.SINGLE and facts.COUNTRIES["France"] == ("Paris", "French", "Europe")
