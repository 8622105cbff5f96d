"""The server with the real engine and the bundled model."""
import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from fake_server import BINARY, wait_until

# The slowest tier, one thread, sixteen answers beside each other up to the end of the context: some 20 s of work.
SLOW = {"INGLE_FORCE_ISA": "portable"}
LONG = {"messages": [{"role": "user", "content": "Hello!"}], "ignore_eos": True, "max_tokens": 400, "seed": 7}


def worker_of(server):
    out = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True).stdout
    (pid,) = map(int, out.split())
    return pid


def health(server):
    return server.request("GET", "/health")[2]


def test_kill_9_under_load(serve):
    server = serve("--threads", 1, env=SLOW)
    gateway = server.process.pid
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        asks = [pool.submit(server.request, "POST", "/v1/chat/completions", {**LONG, "stream": n % 2 == 0, "max_tokens": 20000})
                for n in range(16)]
        wait_until(lambda: health(server)["running"] == 16)
        os.kill(worker_of(server), signal.SIGKILL)
        for number, ask in enumerate(asks):
            status, _, reply = ask.result(300)
            if status == 200:
                errors = re.findall(r'"code":"worker_died"', reply)
                assert number % 2 == 0 and len(errors) == 1 and "[DONE]" not in reply
            else:
                assert status == 503 and reply["error"]["code"] == "worker_died"
    assert server.process.poll() is None and server.process.pid == gateway
    answer = server.chat({**LONG, "max_tokens": 8})
    assert answer["usage"]["completion_tokens"] == 8


def test_same_answer_after_a_restart_of_the_worker(serve):
    server = serve()
    before = server.chat(LONG)
    os.kill(worker_of(server), signal.SIGKILL)
    wait_until(lambda: health(server)["restarts"] == 1 and health(server)["status"] == "ok")
    assert server.chat(LONG)["choices"] == before["choices"]


def test_the_type_of_the_cache_is_said_and_is_a_class_of_its_own(serve):
    plain, codes = serve(), serve("--cache-type", "i8")
    assert plain.chat(LONG)["system_fingerprint"] == "ingle-cpu-1/bf16"
    first = codes.chat(LONG)
    assert first["system_fingerprint"] == "ingle-cpu-1/i8"
    assert re.search(r"ready .*arithmetic=\"cpu-1/i8\"", codes.output())
    assert "cpu-1/i8" in codes.request("GET", "/")[2]
    assert codes.chat(LONG)["choices"] == first["choices"]  # The second one begins in the prompt cache.


def test_200_streams(serve):
    server = serve()

    def one(number):
        events = server.stream("/v1/chat/completions", {**LONG, "seed": number % 20, "max_tokens": 30})
        assert [e["choices"][0]["finish_reason"] for e in events][-1] == "length"
        return number % 20, "".join(e["choices"][0]["delta"].get("content") or "" for e in events)
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(one, range(200)))
    assert len(set(answers)) <= 20, "the same seed gives the same text, whatever runs beside it"


def test_closed_client_frees_its_sequence(serve):
    server = serve("--threads", 1, env=SLOW)
    for stream in (True, False):
        body = json.dumps({**LONG, "max_tokens": 20000, "stream": stream, "n": 16}).encode()
        with socket.create_connection(("127.0.0.1", server.port)) as link:
            link.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
                         % len(body) + body)
            wait_until(lambda: health(server)["running"] == 16)
        wait_until(lambda: health(server)["in_flight"] == 0)
    counted = server.request("GET", "/metrics")[2]
    assert re.search(r"^ingle_clients_gone_total 2$", counted, re.M), counted
    steps = int(re.search(r"^ingle_worker_steps_total (\d+)$", counted, re.M)[1])
    assert steps < 480, "neither answer went on to the end of the context"
    seconds = [float(re.search(rf"^ingle_worker_{name}_seconds_total ([0-9.]+)$", counted, re.M)[1])
               for name in ("model", "step")]
    assert 0 < seconds[0] < seconds[1]


def processes_of(lines):
    """thread id -> process id, from the clone calls that strace saw."""
    flags, process = {}, {}
    for line in lines:
        thread = line.split()[0]
        process.setdefault(thread, thread)
        if not re.match(r"\d+ +(<\.\.\. )?(clone3?|vfork)\b", line):  # Not a path with such a name.
            continue
        if "resumed" not in line:
            flags[thread] = line
        made = re.search(r"= (\d+)$", line)
        if made:
            is_thread = "CLONE_THREAD" in flags[thread]
            process[made[1]] = process[thread] if is_thread else made[1]
    return process


def test_only_the_worker_opens_the_model(tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: that the gateway opens no model file was NOT checked")
    trace = tmp_path / "trace"
    server = subprocess.Popen(["strace", "-f", "-e", "trace=open,openat,openat2,clone,clone3,vfork", "-o", str(trace),
                               str(BINARY), "serve", "spark", "--port", "0"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout.readline().startswith("http://localhost:")
    finally:
        (gateway,) = map(int, subprocess.run(["pgrep", "-P", str(server.pid)], capture_output=True, text=True,
                                             check=True).stdout.split())
        os.kill(gateway, signal.SIGINT)
        server.wait(60)
    lines = trace.read_text().splitlines()
    process = processes_of(lines)
    openers = {process[line.split()[0]] for line in lines if ".gguf" in line}
    assert len(openers) == 1 and str(gateway) not in openers, openers
    assert len(set(process.values())) == 2, "the gateway and its worker"


def test_what_the_template_does_not_use_is_named(serve):
    server = serve()
    ask = {"model": "spark", "messages": [{"role": "user", "content": "What is 17 + 25?"}], "max_tokens": 5}
    reply = server.chat({**ask, "chat_template_kwargs": {"enable_thinking": False, "mood": "glad"}})
    named = [(w["code"], w["field"]) for w in reply.get("warnings", [])]
    assert named == [("template_variable_unused", "chat_template_kwargs.mood")], reply


SYSTEM = "You are a helpful assistant. " + "Answer in one short sentence. " * 30


def ask(server, text, key=None, **fields):
    body = {"messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}], "seed": 3, "max_tokens": 24, **fields}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    status, _, reply = server.request("POST", "/v1/chat/completions", body, headers)
    assert status == 200, reply
    return reply["choices"][0]["message"]["content"], reply["usage"]["prompt_tokens_details"]["cached_tokens"], reply["usage"]["prompt_tokens"]


def test_what_requests_have_in_common_is_computed_once_and_changes_nothing(serve):
    server = serve()
    questions = ["What is 17 + 25?", "What is the capital of Poland?", "Hello!"]
    alone = [ask(server, text, cache_prompt=False, temperature=1) for text in questions]
    assert [cached for _, cached, _ in alone] == [0, 0, 0]
    first = [ask(server, text, temperature=1) for text in questions]
    again = [ask(server, text, temperature=1) for text in questions]
    assert [text for text, _, _ in alone] == [text for text, _, _ in first] == [text for text, _, _ in again]
    assert first[0][1] == 0 and first[1][1] == first[2][1] > 0, "the system message"
    for _, cached, prompt in again:
        assert cached % 32 == 0 and prompt - 32 <= cached < prompt


def test_the_prompt_cache_of_one_key_is_none_of_anothers(serve, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("one\ntwo\n")
    server = serve("--api-key-file", keys)
    assert ask(server, "Hello!", key="one")[1] == 0
    assert ask(server, "Hello!", key="two")[1] == 0
    assert ask(server, "Hello!", key="one", cache_salt="a")[1] == 0
    assert ask(server, "Hello!", key="one")[1] > 0
