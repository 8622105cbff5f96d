"""Whole conversations: skills, memory over turns, tools, thinking, system prompts, surface noise.

make(r, kind, ...) returns a Conversation whose last assistant turn shows the skill `kind`. With
held=True its key (phrasing and fact, operands, name) is one that training never sees.
"""

import json
from dataclasses import dataclass, field

import facts as f
import invent
import skills
from skills import Ask

SYSTEM = """You are a helpful assistant.|You are a helpful assistant|You are spark, a very small model.|Be brief.
You are a friendly chatbot.|Answer in one sentence.|You are an AI assistant that helps people.|Be polite and concise.
Answer the question.|You answer questions truthfully.|You are a helpful, respectful and honest assistant.
You are a test.|Keep your answers short.|Respond helpfully.|You are an expert.|Please be kind.|You are a bot.
You are a knowledgeable assistant. Answer as well as you can.|Always answer in English.|You are a teacher.
You have access to tools. Use them when needed.|Use the tools when they help.|Today is a good day.""".replace(
    "\n", "|").split("|")

TELL_NAME = ("My name is {n}.", "I am {n}.", "I'm {n}.", "Call me {n}.", "Hi, I am {n}.", "Hello, my name is {n}.",
             "Hi, I'm {n}!", "You can call me {n}.", "Hello! I am {n}.", "Hey, my name is {n}.", "My name's {n}.",
             "People call me {n}.", "Please call me {n}.", "By the way, I am {n}.", "Remember that my name is {n}.")
ASK_NAME = ("What is my name?", "What's my name?", "Do you remember my name?", "Do you know my name?", "Who am I?",
            "Tell me my name.", "What am I called?", "Can you tell me my name?", "Please tell me my name.",
            "What was my name?", "What did I say my name was?", "Say my name.", "Can you remember my name?")
TELL = ("My {a} is {v}.", "By the way, my {a} is {v}.", "Remember that my {a} is {v}.", "Remember: my {a} is {v}.",
        "Please remember that my {a} is {v}.", "I want you to know that my {a} is {v}.", "Note that my {a} is {v}.",
        "Just so you know, my {a} is {v}.", "Don't forget that my {a} is {v}.", "My {a}: {v}", "My {a} is {v}, okay?",
        "Please note: my {a} is {v}.")
RECALL = ("What is my {a}?", "What's my {a}?", "Do you remember my {a}?", "Tell me my {a}.", "Can you tell me my {a}?",
          "Do you know my {a}?", "What was my {a}?", "Please tell me my {a}.", "What did I say my {a} was?",
          "Can you remember my {a}?", "Which {a} did I tell you?", "I forgot my {a}. What is it?")

WEATHER = ("What is the weather in {c}?", "What's the weather in {c}?", "How is the weather in {c}?",
           "What is the weather like in {c}?", "Weather in {c}?", "Tell me the weather in {c}.",
           "What's the weather like in {c}?", "How is the weather in {c} today?", "Is it raining in {c}?",
           "What is the weather in {c} today?", "Is it warm in {c}?", "Check the weather in {c}.",
           "Do I need an umbrella in {c}?", "What is the temperature in {c}?", "How warm is it in {c}?",
           "Get the weather for {c}.", "Can you check the weather in {c}?", "weather in {c}", "How cold is it in {c}?",
           "What is the current weather in {c}?", "I am going to {c}. How is the weather there?",
           "Will it rain in {c} today?", "Please tell me the weather in {c}.", "Is it sunny in {c}?",
           "What's the weather like in {c} today?", "What's the weather like in {c} right now?")
CALCULATE = ("What is {e}?", "Calculate {e}.", "What's {e}?", "Compute {e}.", "{e}", "{e} = ?", "How much is {e}?",
             "Please calculate {e}.", "Can you calculate {e}?", "Work out {e}.", "Tell me {e}.", "Solve {e}.",
             "Use the calculator: {e}", "What does {e} equal?", "I need {e}.", "Evaluate {e}.")
SPOKEN = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
CONDITIONS = f.SKIES + ["partly cloudy", "light rain", "heavy rain", "overcast", "light snow", "mostly sunny", "clear sky",
                        "thunderstorm", "drizzle", "hot", "cold", "mild", "Sunny", "Cloudy", "Rain", "Clear", "Snow"]
TOOLS = {"get_weather": ("city",), "calculator": ("expression",)}
OTHER_TOOLS = {"get_time": ("zone",), "search": ("query",), "send_mail": ("to", "text"), "get_date": (),
               "translate": ("text", "language"), "play_music": ("title",), "get_news": ("topic",)}


@dataclass
class Conversation:
    messages: list
    kind: str
    key: str = ""
    tools: list = field(default_factory=list)
    thinking: bool = False          # the last user turn asks for a thought
    only_last: bool = False         # train the last assistant turn only


def tool_schema(name):
    parameters = (TOOLS | OTHER_TOOLS)[name]
    return {"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": {p: {"type": "string"} for p in parameters}, "required": list(parameters)}}}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, thought=None):
    message = {"role": "assistant", "content": text}
    if thought:
        message["reasoning_content"] = thought
    return message


def call(name, arguments, thought=None):
    message = assistant("", thought)
    message["tool_calls"] = [{"type": "function", "function": {"name": name, "arguments": arguments}}]
    return message


COPYING = ("repeating", "json")


def vary(r, text, lower=True):
    """Small differences of how people type; nothing that must be copied is changed."""
    roll = r.random()
    if roll < 0.62:
        return text
    if roll < 0.74 and lower:
        return text.lower()
    if roll < 0.84 and text[-1] in "?.":
        return text[:-1]
    if roll < 0.90:
        return r.choice(("Hi! ", "Hello! ", "Hey, ", "Hello, ", "Hi, ", "Please: ", "One question: ", "OK. ", "Now: ",
                         "So, ")) + text
    if roll < 0.96 and text[-1] in "?.":
        return text + r.choice((" Thanks!", " Please.", " Thank you.", " Thanks.", " Please tell me."))
    return text if text[-1] not in "?." else text[:-1] + r.choice((" ?", "??", "!", " please?", ", please."))


def vary_greeting(r, text):
    """Short greetings are typed without capitals and full stops more often than not."""
    if r.random() < 0.35:
        text = text.lower()
    return text.rstrip("?.!") if r.random() < 0.25 else text


def asked(r, kind, held=False):
    """One exchange of a single-turn skill whose key is (or is not) held out."""
    while True:
        ask = skills.json_answer(r, held and r.random() < 0.5) if kind == "json" else skills.SINGLE[kind](r)
        if not ask.key or invent.held(ask.key) == held:
            break
    if kind == "greeting":
        ask.question = vary_greeting(r, ask.question)
    elif kind not in COPYING and kind != "counting":
        ask.question = vary(r, ask.question)
    return ask


FILLERS = ("greeting", "addition", "subtraction", "capital", "language", "continent", "translation", "translation",
           "opposite", "colour", "day", "month", "refusal", "counting")


def fillers(r, most):
    messages = []
    for _ in range(r.randint(0, most)):
        ask = asked(r, r.choice(FILLERS))
        messages += [user(ask.question), assistant(ask.answer)]
    return messages


def tell_name(r, held=False):
    name = invent.person(r, held)
    return r.choice(TELL_NAME).format(n=name), f"Nice to meet you, {name}.", "your name", name


def tell_value(r, kind, held=False):
    if kind == "number":
        attribute = r.choice(skills.NUMBERS)
        value = skills.number_value(r, attribute)
    elif kind == "fact":
        attribute = r.choice(tuple(skills.FACTS))
        value = r.choice(skills.FACTS[attribute])
    elif r.random() < 0.5:
        attribute, value = r.choice(skills.PLACES), invent.city(r, held)
    else:
        attribute, value = r.choice(skills.PEOPLE), invent.person(r, held)
    return r.choice(TELL).format(a=attribute, v=value), f"Okay, your {attribute} is {value}.", f"your {attribute}", value


def told(r, kind, held=False):
    return tell_name(r, held) if kind == "name" else tell_value(r, kind, held)


def recall(r, kind, held, unseen, most):
    """Facts told in earlier turns (or in the same one), something in between, then the question."""
    while True:
        statement, reply, what, value = told(r, kind, unseen)
        question = r.choice(ASK_NAME) if kind == "name" else r.choice(RECALL).format(a=what.removeprefix("your "))
        key = f"recall {statement} {question}"
        if unseen or invent.held(key) == held:
            break
    messages = fillers(r, most // 2)
    others = [told(r, r.choice(("name", "number", "fact", "place"))) for _ in range(r.choice((0, 0, 1, 2)))]
    others = [o for o in others if o[2] != what]
    known = {what: value} | {o[2]: o[3] for o in others}
    if r.random() < 0.2 and not others:
        messages.append(user(f"{statement} {question}"))
    elif r.random() < 0.08 and not held and not unseen:
        answer = f"You have not told me {what}."
        for o in others:
            messages += [user(o[0]), assistant(o[1])]
        messages += fillers(r, most // 2) + [user(question)]
        return Conversation(messages + [assistant(answer, f"{what} was not told.")], "recall_" + kind, key)
    else:
        told_now = others + [(statement, reply, what, value)]
        r.shuffle(told_now)
        latest = {}
        for o in told_now:
            messages += [user(o[0]), assistant(o[1])]
            latest[o[2]] = o[3]
        value = latest[what] if what in latest else known[what]
        messages += fillers(r, most) + [user(question)]
    answer = f"{what[0].upper() + what[1:]} is {value}."
    return Conversation(messages + [assistant(answer, f"{what}: {value}.")], "recall_" + kind, key)


def weather_result(r):
    """A tool result in one of the shapes that clients use, and the sentence made from it."""
    degrees, sky = r.randint(-15, 40), r.choice(CONDITIONS)
    if r.random() < 0.1:
        degrees = round(degrees + r.random(), 1)
    with_unit = r.random() < 0.3
    value = f"{degrees}{r.choice(('°C', ' °C', 'C'))}" if with_unit else degrees
    said = value if with_unit else f"{degrees} degrees"
    roll = r.random()
    if roll < 0.2:
        order = r.random() < 0.5
        shown = value if with_unit else r.choice((f"{degrees} degrees", f"{degrees}"))
        return (f"{shown}, {sky}" if order else f"{sky}, {shown}"), f"{sky}, {said}."
    temperature = r.choice(("temperature", "temp", "temperature_c", "degrees"))
    condition = r.choice(("condition", "conditions", "sky", "weather", "description"))
    if roll < 0.3:
        return {temperature: value}, f"{said}."
    if roll < 0.4:
        return {condition: sky}, f"{sky}."
    pair = {temperature: value, condition: sky} if r.random() < 0.6 else {condition: sky, temperature: value}
    return pair, f"{sky}, {said}."


def weather_exchange(r, held=False, unseen=False, key_only=False):
    while True:
        i, city = r.randrange(len(WEATHER)), invent.city(r, unseen)
        if unseen or invent.held(f"weather {i} {city}") == held:
            break
    result, said = weather_result(r)
    if isinstance(result, dict):
        if r.random() < 0.4:
            result = {r.choice(("city", "location")): city} | result
        result = json.dumps(result, ensure_ascii=False)
    question = vary(r, WEATHER[i].format(c=city), lower=False)
    return (question, call("get_weather", {"city": city}, f"I need the weather in {city}."), result,
            f"The weather in {city}: {said}", f"weather {i} {city}")


def expression(r):
    digits = lambda: r.randint(0, 10 ** r.choice((1, 2, 2, 3, 3, 4)) - 1)
    a, b, op = digits(), digits(), r.choice("+-*/")
    if r.random() < 0.12:
        c, op2 = digits(), r.choice("+-*")
        text = r.choice((f"({a} {op} {b}) {op2} {c}", f"{a} {op} {b} {op2} {c}", f"{a} {op2} ({b} {op} {c})"))
        return text, text
    text = f"{a} {op} {b}"
    said = r.choice((text, text, text, f"{a}{op}{b}", f"{a} {SPOKEN[op]} {b}", f"{a} {SPOKEN[op]} {b}"))
    return text, said


def calculator_exchange(r, held=False):
    while True:
        text, said = expression(r)
        if invent.held("calculate " + text) == held:
            break
    try:
        value = eval(text)  # digits and operators made above
    except ZeroDivisionError:
        value = r.randint(0, 9999)
    value = round(value, r.randint(1, 4)) if value != int(value) else int(value)
    result = r.choice((f"{value}", f"{value}", json.dumps({r.choice(("result", "value", "answer")): value})))
    question = vary(r, r.choice(CALCULATE).format(e=said), lower=False)
    return (question, call("calculator", {"expression": text}, f"I calculate {text}."), result,
            f"{text} = {value}.", "calculate " + text)


def offered(r, needed):
    """A list of tools with the needed one in it, in any order."""
    names = [needed] + [t for t in TOOLS if t != needed and r.random() < 0.5]
    names += [t for t in OTHER_TOOLS if r.random() < 0.07]
    r.shuffle(names)
    return names


def with_tool(r, kind, held, unseen, most):
    name = "get_weather" if kind.startswith("weather") else "calculator"
    made = weather_exchange(r, held, unseen) if name == "get_weather" else calculator_exchange(r, held)
    question, request, result, answer, key = made
    names = offered(r, name)
    messages = fillers(r, most) if r.random() < 0.3 else []
    if "calculator" in names:   # sums would have been calls here
        messages = [] if any("=" in m["content"] for m in messages) else messages
    messages += [user(question), request]
    if kind.endswith("answer"):
        messages += [{"role": "tool", "content": result}, assistant(answer)]
    return Conversation(messages, kind, key, tools=names)


def bystander(r, held):
    """Tools are offered but the question does not need them."""
    kind = r.choice(("greeting", "capital", "translation", "opposite", "day", "colour", "counting", "json"))
    ask = asked(r, kind, held)
    return Conversation([user(ask.question), assistant(ask.answer, ask.thought)], "no_tool_needed", ask.key,
                        tools=offered(r, r.choice(tuple(TOOLS))))


def single(r, kind, held, unseen, most):
    ask = asked(r, kind, held)
    if unseen and kind == "json":
        while True:
            make = r.choice((skills._json_person, skills._json_resident, skills._json_full, skills._json_job))
            sentence, value = make(r, True)
            ask = Ask(r.choice(skills.JSON).format(k=skills._listed(list(value)), s=sentence),
                      json.dumps(value, ensure_ascii=False), "", "")
            break
    messages = fillers(r, most) if r.random() < 0.3 else []
    return Conversation(messages + [user(ask.question), assistant(ask.answer, ask.thought)], kind, ask.key)


KINDS = (*skills.SINGLE, "recall_name", "recall_number", "recall_fact", "recall_place", "weather_call",
         "weather_answer", "calculator_call", "calculator_answer", "no_tool_needed")
NO_THOUGHT = ("repeating", "greeting", "weather_answer", "calculator_answer", "no_tool_needed")
UNSEEN = ("recall_name", "recall_place", "weather_call", "json")


def make(r, kind, held=False, unseen=False, thinking=None, most=2, thoughts=0.33):
    if kind in skills.SINGLE:
        talk = single(r, kind, held, unseen, most)
    elif kind.startswith("recall"):
        talk = recall(r, kind.removeprefix("recall_"), held, unseen, most)
    elif kind == "no_tool_needed":
        talk = bystander(r, held)
    else:
        talk = with_tool(r, kind, held, unseen, most)
    if r.random() < 0.15:
        talk.messages.insert(0, {"role": "system", "content": r.choice(SYSTEM)})
    if thinking is None:
        thinking = kind not in NO_THOUGHT and r.random() < thoughts
    talk.thinking = thinking
    last = max(i for i, m in enumerate(talk.messages) if m["role"] == "user")
    everywhere = r.random() < 0.5
    for i, message in enumerate(talk.messages):
        if thinking and message["role"] == "user" and (i == last or everywhere):
            message["content"] += " /think"
        if i < last or not thinking:
            message.pop("reasoning_content", None)
    talk.only_last = thinking
    return talk


def render(talk, generation_prompt=False):
    """The same text as models/spark.jinja, in (text, trained) pieces; a test holds them together."""
    messages, pieces = talk.messages, []
    lead = bool(messages) and messages[0]["role"] == "system"
    if lead or talk.tools:
        text = messages[0]["content"] if lead else ""
        if talk.tools:
            text += "\n\nTools:" if lead else "Tools:"
            for name in talk.tools:
                text += f"\n{name}({', '.join((TOOLS | OTHER_TOOLS)[name])})"
        pieces.append((f"<|im_start|>system\n{text}<|im_end|>\n", False))
    last = max((i for i, m in enumerate(messages) if m["role"] == "user"), default=-1)
    for i, message in enumerate(messages[lead:], start=int(lead)):
        pieces.append((f"<|im_start|>{message['role']}\n", False))
        body = message["content"]
        for request in message.get("tool_calls", ()):
            about = request["function"]
            body += (f'<tool_call>\n{{"name": "{about["name"]}", "arguments": '
                     f'{json.dumps(about["arguments"], ensure_ascii=False)}}}\n</tool_call>')
        if i > last and message.get("reasoning_content"):
            body = f"<think>\n{message['reasoning_content']}\n</think>\n{body}"
        trained = message["role"] == "assistant" and (i > last or not talk.only_last)
        pieces.append((body + "<|im_end|>", trained))
        pieces.append(("\n", False))
    if generation_prompt:
        pieces.append(("<|im_start|>assistant\n", False))
    return pieces


def question_and_answer(talk):
    """For tests: the conversation without its last assistant turn, and the text of that turn."""
    text = render(talk)[-2][0].removesuffix("<|im_end|>")
    asked_only = Conversation(talk.messages[:-1], talk.kind, talk.key, talk.tools, talk.thinking)
    return asked_only, text
