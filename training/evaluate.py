"""Held-out scores of spark: greedy, free-running, the whole answer must be equal.

    evaluate.py                                  ingle itself serves models/spark-q8_0.gguf
    evaluate.py --url http://127.0.0.1:3000      a server that runs already
    evaluate.py --checkpoint DIR/last0.pt        PyTorch, without ingle

Held out are phrasing and fact, operands, whole conversations; ":unseen" are names and cities that
training never shows, ":think" asks for a thought first and counts the thought too.
"""

import argparse
import json
import random
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tokenizers import Tokenizer

import conversations

ROOT = Path(__file__).parent.parent
LENGTHS = (128, 256, 512)   # tokens; 512 is all the context that training shows


def samples(each, seed, only=None):
    """(name, conversation, expected answer), `each` of every kind."""
    kinds = conversations.KINDS
    listed = [(k, {"held": True, "thinking": False}) for k in kinds]
    listed += [(k + ":unseen", {"unseen": True, "thinking": False}) for k in conversations.UNSEEN]
    listed += [(k + ":think", {"held": True, "thinking": True}) for k in kinds if k not in conversations.NO_THOUGHT]
    for name, options in listed:
        r = random.Random(f"{seed} {name}")
        for _ in range(each if not only or name in only else 0):
            talk = conversations.make(r, name.split(":")[0], most=r.choice((1, 2, 2, 4)), **options)
            yield (name, *conversations.question_and_answer(talk))


def long_samples(each, seed, tokenizer):
    """Conversations with many turns before the question, up to each of LENGTHS."""
    r = random.Random(f"{seed} long")
    kinds = [k for k in conversations.KINDS if k != "no_tool_needed" and not k.startswith("calculator")]
    for shortest, longest in zip(LENGTHS, LENGTHS[1:]):
        found = 0
        while found < each:
            talk = conversations.make(r, r.choice(kinds), held=True, thinking=False, most=longest // 20)
            asked, expected = conversations.question_and_answer(talk)
            if shortest < len(tokenizer.encode(prompt(asked)).ids) <= longest - 80:
                found += 1
                yield f"long:{longest}", asked, expected


def prompt(talk):
    return "".join(text for text, _ in conversations.render(talk, generation_prompt=True))


def from_torch(checkpoint, tokenizer, talks):
    import torch

    import generate
    import model as network
    torch.set_num_threads(1)
    state = torch.load(checkpoint, weights_only=False)
    model = network.Spark(network.Config(**state["config"]))
    model.load_state_dict(state["model"])
    return [(text, "stop") for text in generate.answer_all(model, tokenizer, [prompt(t) for t in talks])]


def request(url, talk):
    body = {"model": "spark", "messages": talk.messages, "temperature": 0, "max_tokens": 120}
    if talk.tools:
        body["tools"] = [conversations.tool_schema(name) for name in talk.tools]
    data = json.dumps(body).encode()
    post = urllib.request.Request(url + "/v1/chat/completions", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(post, timeout=300) as reply:
            choice = json.load(reply)["choices"][0]
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}: {error.read().decode(errors='replace')}", "error"
    message = choice["message"]
    text = message.get("content") or ""
    if message.get("reasoning_content"):
        text = f"<think>\n{message['reasoning_content'].strip()}\n</think>\n{text}"
    for call in message.get("tool_calls") or ():
        about = call["function"]
        text += f'<tool_call>\n{{"name": "{about["name"]}", "arguments": {about["arguments"]}}}\n</tool_call>'
    return text, choice["finish_reason"]


def for_wire(talk):
    """Tool arguments travel as text, as the API wants them; ids tie results to calls."""
    messages = json.loads(json.dumps(talk.messages))
    for message in messages:
        for call in message.get("tool_calls", ()):
            call["id"] = "call_1"
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"], ensure_ascii=False)
        if message["role"] == "tool":
            message["tool_call_id"] = "call_1"
    return conversations.Conversation(messages, talk.kind, talk.key, talk.tools)


def from_server(url, talks):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda talk: request(url, for_wire(talk)), talks))


def serve(binary, model, port):
    process = subprocess.Popen([binary, "serve", model, "--port", str(port)])
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5)
            return process
        except OSError:
            time.sleep(0.1)
    raise SystemExit("ingle did not become ready within a minute")


def table(made, replies):
    right, wrong, bad = {}, [], 0
    for (name, talk, expected), (got, finish) in zip(made, replies):
        right.setdefault(name, []).append(got == expected)
        bad += finish != "stop" or "<|" in got
        if got != expected:
            wrong.append({"kind": name, "asked": talk.messages[-1]["content"], "expected": expected, "got": got})
    print("| skill | right | n |\n|---|---|---|")
    for name, each in right.items():
        print(f"| {name} | {100 * sum(each) / len(each):.1f} % | {len(each)} |")
    low = [n for n, each in right.items() if sum(each) < 0.95 * len(each)]
    print(f"\n{len(made)} conversations; {bad} with an end marker in the text or not ended by the model; "
          f"under 95 %: {', '.join(low) or 'none'}")
    return wrong


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--each", type=int, default=100, help="conversations of every kind")
    a.add_argument("--seed", type=int, default=2)
    a.add_argument("--only", nargs="*")
    a.add_argument("--long", type=int, default=0, help="also this many long conversations of every length")
    a.add_argument("--checkpoint")
    a.add_argument("--url")
    a.add_argument("--binary", default=str(ROOT / "build" / "release" / "ingle"))
    a.add_argument("--model", default=str(ROOT / "models" / "spark-q8_0.gguf"))
    a.add_argument("--port", type=int, default=3999)
    a.add_argument("--wrong", help="write the wrong answers here, one JSON a line")
    o = a.parse_args()
    tokenizer = Tokenizer.from_file(str(ROOT / "models" / "spark" / "tokenizer.json"))
    made = list(samples(o.each, o.seed, o.only)) + list(long_samples(o.long, o.seed, tokenizer))
    talks = [talk for _, talk, _ in made]
    if o.checkpoint:
        replies = from_torch(o.checkpoint, tokenizer, talks)
    elif o.url:
        replies = from_server(o.url, talks)
    else:
        server = serve(o.binary, o.model, o.port)
        try:
            replies = from_server(f"http://127.0.0.1:{o.port}", talks)
        finally:
            server.terminate()
            server.wait()
    wrong = table(made, replies)
    if o.wrong:
        Path(o.wrong).write_text("".join(json.dumps(w, ensure_ascii=False) + "\n" for w in wrong))


if __name__ == "__main__":
    main()
