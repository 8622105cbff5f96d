"""Same request, same bytes: 100 seeded requests give the same text however they are asked."""
import concurrent.futures

import pytest

QUESTIONS = ["What is the capital of Poland?", "Hello!", "What is 17 + 25?", "How do you say water in German?",
             "Which day comes after Tuesday?", "Count from 3 to 7.", "My name is Anna. Remember it.", "Tell me a story.",
             "What is the opposite of hot?", "What language do they speak in Brazil?"]
COUNT = 100


# The bundled model is sure of its answers: only past their end, at a high temperature, do seeds show.
WILD = {"temperature": 2.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "frequency_penalty": 1.0, "max_tokens": 24}


def request(number):
    return {"messages": [{"role": "user", "content": QUESTIONS[number % len(QUESTIONS)]}], "seed": 1000 + number,
            "ignore_eos": True, **WILD}


def answer(server, number):
    return server.chat(request(number))["choices"][0]["message"]["content"]


def streamed(server, number):
    events = server.stream("/v1/chat/completions", request(number))
    return "".join(e["choices"][0]["delta"].get("content") or "" for e in events if e["choices"])


@pytest.fixture(scope="module")
def alone(server):
    return [answer(server, number) for number in range(COUNT)]


def test_requests_differ(alone):
    # The seeds must show, or the comparisons below prove nothing.
    assert len(set(alone)) > COUNT // 2


def test_repeated(server, alone):
    assert [answer(server, number) for number in range(0, COUNT, 10)] == alone[::10]


def test_among_31_others(server, alone):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert list(pool.map(lambda number: answer(server, number), range(COUNT))) == alone


def test_streamed(server, alone):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: streamed(server, number), range(COUNT))) == alone


def test_by_command(ingle, alone):
    def run(number):
        r = request(number)
        flags = [part for name, value in WILD.items() for part in ("--" + name.replace("_", "-"), value)]
        done = ingle("run", "spark", r["messages"][0]["content"], "--ignore-eos", "--seed", r["seed"], *flags)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(run, range(COUNT)))
    # The command ends its output with a line break when the answer has none.
    assert [text.rstrip("\n") for text in answers] == [text.rstrip("\n") for text in alone]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_after_restart_with_threads(serve, alone, threads):
    server = serve("--threads", threads)
    try:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            assert list(pool.map(lambda number: answer(server, number), range(COUNT))) == alone
    finally:
        server.stop()
