"""The gateway lives, whatever its worker does."""
import concurrent.futures
import itertools
import json
import re
import signal
import socket
import subprocess
import time

import pytest

from fake_server import (ENDLESS, FAKE, FakeServer, chat_body, events_of, gone, parse_events, read_until, text_of,
                         wait_until)


def test_kill_under_load(fake):
    server = fake(env={"FAKE_STEP_MS": "5", **ENDLESS})
    gateway = server.process.pid
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        links = [server.open_stream(chat_body(f"#count {10**8 + n}")) for n in range(20)]
        wholes = [pool.submit(server.chat, f"#count {10**8 + n}") for n in range(20)]
        begun = [read_until(link, b'"content":"1 "') for link in links]
        wait_until(lambda: server.metric("ingle_sequences_running") == 40)
        old = server.kill_worker()
        for link, first in zip(links, begun):
            events = events_of(link, first)
            assert "[DONE]" not in events, "an answer cut short must not look complete"
            errors = [e["error"] for e in events if "error" in e]
            assert len(errors) == 1 and errors[0] == events[-1]["error"]
            assert errors[0]["code"] == "worker_died" and errors[0]["retryable"] is True
            words = text_of(events).split()
            assert words == [str(i + 1) for i in range(len(words))], "no token lost or repeated before the error"
        for future in wholes:
            status, headers, body = future.result(120)
            assert status == 503
            assert body["error"]["code"] == "worker_died"
            assert headers["Retry-After"] == "1"
    assert server.process.poll() is None and server.process.pid == gateway
    # The next request waits for the new worker and succeeds.
    status, _, body = server.chat("hello again")
    assert status == 200 and body["choices"][0]["message"]["content"] == "hello again "
    assert server.worker_pids() != [old]
    assert server.metric("ingle_worker_restarts_total") == 1
    assert server.metric("ingle_requests_in_flight") == 0


def test_many_kills_one_outcome_each(fake):
    server = fake(env={"FAKE_STEP_MS": "1"})
    died, numbers = [], itertools.count()
    over = False

    def one(number):
        """(complete, text); the text of one that a worker's death refused is empty."""
        status, _, raw = server.call("POST", "/v1/chat/completions",
                                     chat_body(f"#hash 600 {number}", seed=number, stream=True))
        if status == 503:  # No token was there yet.
            assert raw["error"]["code"] == "worker_died"
            return False, ""
        assert status == 200
        events, _ = parse_events(raw)
        done = events[-1] == "[DONE]"
        assert sum("error" in e for e in events if e != "[DONE]") == (0 if done else 1)
        return done, text_of(events)

    def client():
        """One number after the other until all kills are over, and two more."""
        answers, more = [], 2
        while more > 0:
            more -= over
            number = next(numbers) % 20
            answers.append((number, *one(number)))
            if not answers[-1][1]:
                died.append(number)
        return answers

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(client) for _ in range(8)]
        for kill in itertools.count(1):
            wait_until(lambda: server.metric("ingle_sequences_running") == 8)
            server.kill_worker()
            wait_until(lambda: server.metric("ingle_worker_restarts_total") == kill)
            if kill >= 3 and died:
                break
        over = True
        texts = {}
        for number, done, text in [answer for each in clients for answer in each.result(300)]:
            longer, shorter = sorted([text, texts.get(number, "")], key=len, reverse=True)
            assert longer.startswith(shorter), "same request, same bytes"
            assert not done or len(text.split()) == 600
            texts[number] = longer
    assert len(texts) == 20 and server.process.poll() is None


def test_crash_in_the_engine_is_contained(fake):
    server = fake()
    link = server.open_stream(chat_body("#crash"))
    begun = read_until(link, b'"content":"x "')
    server.set_flag("crash")
    error = events_of(link, begun)[-1]["error"]
    assert error["code"] == "worker_died" and "signal 6" in error["message"]
    assert server.chat("still here")[0] == 200


@pytest.mark.parametrize("prompt", ["#garble", "#nan"])
def test_a_report_that_cannot_be_read_costs_the_worker_its_place(fake, prompt):
    server = fake()
    events, _ = server.stream(prompt)
    assert "[DONE]" not in events and events[-1]["error"]["code"] == "worker_died", events
    status, _, body = server.chat(prompt)
    assert status == 503 and body["error"]["code"] == "worker_died"
    assert server.chat("next")[0] == 200
    assert server.metric("ingle_worker_restarts_total") == 2


@pytest.mark.parametrize("prompt", ["#prefill 100000000 x", "#count 100000000"])
def test_a_worker_that_dies_at_work_ends_its_answers_with_an_error(fake, prompt):
    server = fake(env=ENDLESS)
    link = server.open_stream(chat_body(prompt))
    begun = read_until(link, b": prompt" if "prefill" in prompt else b'"content":"3 "')
    server.kill_worker()
    events = events_of(link, begun)
    assert events[-1]["error"]["code"] == "worker_died" and "[DONE]" not in events
    assert "signal 9" in events[-1]["error"]["message"]
    assert server.chat("next")[0] == 200
    assert server.metric("ingle_worker_restarts_total") == 1


def test_a_worker_that_dies_before_it_had_a_request_costs_none(fake):
    server = fake(flags=["load"], wait=False)
    wait_until(lambda: "%" in server.call("GET", "/readyz")[2]["model"])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(server.stream, "hello")
        wait_until(lambda: server.metric("ingle_requests_in_flight") == 1)
        server.kill_worker()
        wait_until(lambda: server.metric("ingle_worker_restarts_total") == 1)
        server.clear_flag("load")
        events, _ = future.result(120)
        assert events[-1] == "[DONE]" and text_of(events) == "hello "
    server.kill_worker()  # Found out without a request too.
    wait_until(lambda: server.metric("ingle_worker_restarts_total") == 2)
    assert server.chat("next")[0] == 200


def test_a_worker_that_writes_into_a_full_pipe_is_replaced(fake):
    server = fake("--stall-ms", 4000, unread=True)
    events, _ = server.stream("#shout")
    assert events[-1]["error"]["code"] == "worker_died" and "no step" in events[-1]["error"]["message"]
    # The server's own log goes into the same full pipe: it answers all the same.
    assert server.chat("next")[0] == 200
    assert server.metric("ingle_worker_restarts_total") == 1


def test_a_log_that_nobody_reads_holds_up_neither_answers_nor_the_end(fake):
    server = fake(unread=True)
    body = json.dumps(chat_body("hi")).encode()
    request = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for _ in range(20):  # Each leaves a line: more than a pipe holds.
        raw = server.raw(request * 99 + request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        assert raw.count(b"HTTP/1.1 200") == 100
    server.kill_worker()
    assert server.chat("and a new worker")[0] in (200, 503)
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(60) == 0
    assert len(server.process.stderr.read()) >= 48 << 10, "the pipe was full"


def test_a_log_whose_reader_has_gone_ends_nothing(fake):
    server = fake(unread=True)
    server.process.stderr.close()
    for _ in range(3):
        assert server.chat("hi")[0] == 200
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(60) == 0


def test_a_long_step_with_progress_is_no_stall(fake):
    server = fake("--stall-ms", 4000)
    events, _ = server.stream("#slow 6000")
    assert events[-1] == "[DONE]"
    assert server.metric("ingle_worker_restarts_total") == 0


@pytest.mark.parametrize("how", ["spin", "stop"])
def test_stall_is_found_by_the_step_counter(fake, how):
    server = fake("--stall-ms", 3000, env=ENDLESS)
    link = server.open_stream(chat_body("#hang" if how == "spin" else "#count 100000000"))
    begun = read_until(link, b'"role":"assistant"')
    if how == "stop":
        server.kill_worker(signal.SIGSTOP)
    events = events_of(link, begun)
    assert events[-1]["error"]["code"] == "worker_died" and "no step" in events[-1]["error"]["message"]
    assert server.chat("next")[0] == 200


def test_an_idle_worker_that_falls_silent_is_replaced(fake):
    server = fake("--stall-ms", 5000)
    time.sleep(7)  # Idle but alive: it is left alone.
    assert server.metric("ingle_worker_restarts_total") == 0
    old = server.kill_worker(signal.SIGSTOP)
    wait_until(lambda: server.worker_pids() not in ([old], []))
    server.wait_ready()
    assert server.metric("ingle_worker_restarts_total") == 1
    wait_until(lambda: any("reported nothing" in line for line in list(server.log)))
    assert server.chat("next")[0] == 200


def test_worker_dies_with_the_gateway(fake):
    server = fake()
    (worker,) = server.worker_pids()
    server.process.kill()
    server.process.wait()
    wait_until(lambda: gone(worker))


def test_requests_wait_for_a_loading_model(fake):
    server = fake(flags=["load"], wait=False)
    wait_until(lambda: server.call("GET", "/readyz")[2]["model"] == "loading 50 %")
    assert server.call("GET", "/readyz")[0] == 503
    assert server.call("GET", "/livez")[0] == 200
    status, _, body = server.call("GET", "/v1/models")
    assert status == 200 and body["data"][0]["id"] == "fake"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        early = pool.submit(server.chat, "early bird")
        wait_until(lambda: server.metric("ingle_requests_in_flight") == 1)
        assert server.metric("ingle_model_ready") == 0 and not early.done()
        server.clear_flag("load")
        status, _, body = early.result(120)
    assert status == 200 and body["choices"][0]["message"]["content"] == "early bird "


def test_waiting_has_a_limit(fake):
    server = fake("--load-wait-ms", 300, flags=["load"], wait=False)
    status, headers, body = server.chat("impatient")
    assert status == 503 and body["error"]["code"] == "model_loading" and 1 <= int(headers["Retry-After"]) <= 60


def test_a_file_that_does_not_load_ends_the_start():
    server = FakeServer(env={"FAKE_LOAD": "fail"}, wait=False)
    assert server.wait_end() == 65, "the code for a damaged file, as of every command"
    assert "tensor 'a' is outside the file" in "".join(server.log)


def test_deaths_at_load_end_in_quarantine(fake):
    server = fake()
    server.set_flag("die")
    server.kill_worker()
    wait_until(lambda: server.call("GET", "/health")[2]["model"] == "quarantined", 120)
    status, headers, body = server.chat("anyone?")
    assert status == 503 and body["error"]["code"] == "model_unavailable"
    # How often in which time, until when, and what to do.
    said = re.search(r"died 5 times in (\d+) s .* next start is in (\d+) s", body["error"]["message"])
    assert said and 1 <= int(said[1]) <= 120 and 200 <= int(said[2]) <= 300, body
    assert "ingle show" in body["error"]["message"]
    assert 200 <= int(headers["Retry-After"]) <= 300 and headers["x-should-retry"] == "false"
    assert server.call("GET", "/livez")[0] == 200
    assert server.process.poll() is None


def leaving_client(server, stream):
    body = json.dumps(chat_body("#count 1000000", stream=stream)).encode()
    link = socket.create_connection(("127.0.0.1", server.port), timeout=120)
    link.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
                 % len(body) + body)
    return link


@pytest.mark.parametrize("stream", [True, False])
def test_closed_client_frees_its_sequence_within_one_step(fake, stream):
    server = fake(flags=["steps"], env=ENDLESS)
    link = leaving_client(server, stream)  # Before its first step: there is none but the one that frees.
    wait_until(lambda: server.metric("ingle_sequences_running") == 1)
    link.close()
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
    assert server.metric("ingle_worker_steps_total") == 1
    server.clear_flag("steps")
    link = leaving_client(server, stream)  # In the middle of an answer.
    wait_until(lambda: server.metric("ingle_worker_steps_total") > 10)
    server.set_flag("steps")
    before = [None, server.metric("ingle_worker_steps_total")]
    while before[-1] != before[-2]:  # Until the gateway has heard of all.
        time.sleep(1)
        before.append(server.metric("ingle_worker_steps_total"))
    link.close()
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
    assert server.metric("ingle_worker_steps_total") - before[-1] <= 2, "the step under way, and the one that frees"
    assert server.metric("ingle_clients_gone_total") == 2


def test_cancel_while_waiting_for_a_worker(fake):
    server = fake(flags=["load"], wait=False)
    link = server.open_stream(chat_body("#count 100000"))
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 1)
    link.close()
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
    assert server.metric("ingle_model_ready") == 0


def test_200_streams(server):
    def one(number):
        events, _ = server.stream(f"#hash 100 {number}", seed=number)
        assert events[-1] == "[DONE]"
        return text_of(events)
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        together = list(pool.map(one, range(200)))
    assert len(set(together)) == 200, "no answer in another's stream"
    for number in range(0, 200, 20):
        assert one(number) == together[number], "the same alone"


def test_a_port_that_is_taken_is_named_with_the_cure(server):
    second = subprocess.run([str(FAKE), "serve", "--port", str(server.port)], capture_output=True, text=True, timeout=120)
    assert second.returncode == 1 and second.stdout == ""
    for part in (str(server.port), "perhaps another ingle", "--port"):
        assert part in second.stderr, second.stderr
    assert server.chat("still here")[0] == 200
