"""The gateway lives, whatever its worker does."""
import concurrent.futures
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from fake_server import FAKE, FakeServer, chat_body, parse_events, text_of


def read_all(link):
    out = b""
    while piece := link.recv(65536):
        out += piece
    return out


def dechunk(raw):
    at, out = raw.index(b"\r\n\r\n") + 4, []
    while at < len(raw):
        end = raw.index(b"\r\n", at)
        length = int(raw[at:end], 16)
        out.append(raw[end + 2:end + 2 + length])
        at = end + 2 + length + 2
        if length == 0:
            break
    return b"".join(out)


def wait_until(condition, timeout_s=10):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_kill_under_load(fake):
    server = fake(env={"FAKE_STEP_MS": "5"})
    gateway = server.process.pid
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        def streamed(number):
            status, _, raw = server.call("POST", "/v1/chat/completions", chat_body(f"#count {2000 + number}", stream=True))
            return status, raw

        def whole(number):
            return server.chat(f"#count {2000 + number}")
        streams = [pool.submit(streamed, n) for n in range(20)]
        wholes = [pool.submit(whole, n) for n in range(20)]
        wait_until(lambda: server.metric("ingle_sequences_running") == 40)
        old = server.kill_worker()
        for future in streams:
            status, raw = future.result(20)
            assert status == 200
            events, _ = parse_events(raw)
            assert "[DONE]" not in events, "an answer cut short must not look complete"
            errors = [e["error"] for e in events if "error" in e]
            assert len(errors) == 1 and errors[0] == events[-1]["error"]
            assert errors[0]["code"] == "worker_died" and errors[0]["retryable"] is True
            words = text_of(events).split()
            assert words == [str(i + 1) for i in range(len(words))], "no token lost or repeated before the error"
        for future in wholes:
            status, headers, body = future.result(20)
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
    outcomes = {"done": 0, "died": 0}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        def one(number):
            events, _ = server.stream(f"#hash 200 {number}", seed=number)
            done = events[-1] == "[DONE]"
            errors = sum("error" in e for e in events if e != "[DONE]")
            assert errors == (0 if done else 1)
            return done, number, text_of(events)
        # Every number twice: what is complete must be equal, and what is not must be its beginning.
        futures = [pool.submit(one, n % 60) for n in range(120)]
        for _ in range(3):
            time.sleep(0.7)
            for pid in server.worker_pids():
                os.kill(pid, signal.SIGKILL)
        texts = {}
        for future in futures:
            done, number, text = future.result(60)
            outcomes["done" if done else "died"] += 1
            longer, shorter = sorted([text, texts.get(number, "")], key=len, reverse=True)
            assert longer.startswith(shorter), "same request, same bytes"
            texts[number] = longer
    assert outcomes["done"] > 0 and outcomes["died"] > 0, outcomes
    assert server.process.poll() is None


def test_crash_in_the_engine_is_contained(fake):
    server = fake()
    events, _ = server.stream("#crash")
    assert events[-1]["error"]["code"] == "worker_died" and "signal 6" in events[-1]["error"]["message"]
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


@pytest.mark.parametrize("phase", ["loading", "idle", "prefill", "decode"])
def test_a_worker_may_die_in_any_phase(fake, phase):
    server = fake(env={"FAKE_STEP_MS": "5", "FAKE_LOAD_MS": "1000" if phase == "loading" else "0"},
                  wait=phase != "loading")
    if phase == "loading":
        wait_until(lambda: port_open(server) and server.worker_pids())
        wait_until(lambda: "%" in server.call("GET", "/readyz")[2]["model"])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = None
        if phase != "idle":
            prompt = {"prefill": "#prefill 60000 x", "decode": "#count 100000"}.get(phase, "hello")
            future = pool.submit(server.stream, prompt)
            wait_until(lambda: server.metric("ingle_requests_in_flight") == 1)
            if phase != "loading":
                wait_until(lambda: server.metric("ingle_sequences_running") == 1)
        server.kill_worker()
        if phase == "loading":  # No worker had the request yet: it waits for the next one.
            events, _ = future.result(30)
            assert events[-1] == "[DONE]" and text_of(events) == "hello "
        elif future:
            events, _ = future.result(30)
            assert events[-1]["error"]["code"] == "worker_died" and "[DONE]" not in events
            assert "signal 9" in events[-1]["error"]["message"]
    wait_until(lambda: server.metric("ingle_worker_restarts_total") == 1)  # Found out, with or without requests.
    assert server.chat("next")[0] == 200
    assert server.metric("ingle_worker_restarts_total") == 1


def test_a_worker_that_writes_into_a_full_pipe_is_replaced(fake):
    server = fake("--stall-ms", 1500, unread=True)
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
    assert server.process.wait(5) == 0
    assert len(server.process.stderr.read()) >= 48 << 10, "the pipe was full"


def test_a_log_whose_reader_has_gone_ends_nothing(fake):
    server = fake(unread=True)
    server.process.stderr.close()
    for _ in range(3):
        assert server.chat("hi")[0] == 200
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(5) == 0


def test_a_long_step_with_progress_is_no_stall(fake):
    server = fake("--stall-ms", 800)
    events, _ = server.stream("#slow")  # One step of 2.5 s.
    assert events[-1] == "[DONE]"
    assert server.metric("ingle_worker_restarts_total") == 0


@pytest.mark.parametrize("how", ["spin", "stop"])
def test_stall_is_found_by_the_step_counter(fake, how):
    server = fake("--stall-ms", 600)
    link = server.open_stream(chat_body("#hang" if how == "spin" else "#count 100000"))
    assert link.recv(100)
    if how == "stop":
        server.kill_worker(signal.SIGSTOP)
    start = time.monotonic()
    events, _ = parse_events(dechunk(b"\r\n\r\n".join([b"", read_all(link).split(b"\r\n\r\n", 1)[1]])))
    assert events[-1]["error"]["code"] == "worker_died" and "no step" in events[-1]["error"]["message"]
    assert time.monotonic() - start < 5
    assert server.chat("next")[0] == 200


def test_an_idle_worker_that_falls_silent_is_replaced(fake):
    server = fake("--stall-ms", 3000)
    time.sleep(6)  # Idle but alive: it is left alone.
    assert server.metric("ingle_worker_restarts_total") == 0
    old = server.kill_worker(signal.SIGSTOP)
    wait_until(lambda: server.worker_pids() not in ([old], []), 10)
    server.wait_ready()
    assert server.metric("ingle_worker_restarts_total") == 1
    assert any("reported nothing" in line for line in list(server.log))
    assert server.chat("next")[0] == 200


def test_worker_dies_with_the_gateway(fake):
    server = fake()
    (worker,) = server.worker_pids()
    server.process.kill()
    server.process.wait()
    wait_until(lambda: not os.path.exists(f"/proc/{worker}"), 2)


def test_requests_wait_for_a_loading_model(fake):
    server = fake(env={"FAKE_LOAD_MS": "1500"}, wait=False)
    wait_until(lambda: port_open(server), 5)
    status, _, body = server.call("GET", "/readyz")
    assert status == 503 and body["model"].startswith("loading")
    assert server.call("GET", "/livez")[0] == 200
    start = time.monotonic()
    assert server.call("GET", "/v1/models")[0] == 200
    assert time.monotonic() - start < 1
    status, _, body = server.chat("early bird")
    assert status == 200 and body["choices"][0]["message"]["content"] == "early bird "


def port_open(server):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", server.port)) == 0


def test_waiting_has_a_limit(fake):
    server = fake("--load-wait-ms", 300, env={"FAKE_LOAD_MS": "3000"}, wait=False)
    wait_until(lambda: port_open(server), 5)
    status, headers, body = server.chat("impatient")
    assert status == 503 and body["error"]["code"] == "model_loading" and 1 <= int(headers["Retry-After"]) <= 60


def test_a_file_that_does_not_load_ends_the_start():
    server = FakeServer(env={"FAKE_LOAD": "fail"}, wait=False)
    assert server.process.wait(10) == 65, "the code for a damaged file, as of every command"
    for reader in server.readers:
        reader.join(5)
    assert "tensor 'a' is outside the file" in "".join(server.log)


def test_deaths_at_load_end_in_quarantine(fake, tmp_path):
    flag = tmp_path / "die"
    server = fake(env={"FAKE_LOAD": f"die:{flag}"})
    flag.touch()
    server.kill_worker()
    wait_until(lambda: server.call("GET", "/health")[2]["model"] == "quarantined", 30)
    status, headers, body = server.chat("anyone?")
    assert status == 503 and body["error"]["code"] == "model_unavailable"
    # How often in which time, until when, and what to do.
    said = re.search(r"died 5 times in (\d+) s .* next start is in (\d+) s", body["error"]["message"])
    assert said and 1 <= int(said[1]) <= 60 and 200 <= int(said[2]) <= 300, body
    assert "ingle show" in body["error"]["message"]
    assert 200 <= int(headers["Retry-After"]) <= 300 and headers["x-should-retry"] == "false"
    assert server.call("GET", "/livez")[0] == 200
    assert server.process.poll() is None


def test_closed_client_frees_its_sequence_within_one_step(fake):
    server = fake(env={"FAKE_STEP_MS": "300"})
    for whole in (False, True):
        link = server.open_stream(chat_body("#count 1000"))
        if whole:  # The same for a request that is not streamed.
            link.close()
            data = json.dumps(chat_body("#count 1000")).encode()
            link = socket.create_connection(("127.0.0.1", server.port))
            link.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
                         % len(data) + data)
        wait_until(lambda: server.metric("ingle_requests_in_flight") == 1)
        time.sleep(0.5)
        steps = server.metric("ingle_worker_steps_total")
        link.close()
        wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
        assert server.metric("ingle_worker_steps_total") - steps <= 2, "the step under way, and the one that frees"


def test_cancel_while_waiting_for_a_worker(fake):
    server = fake(env={"FAKE_LOAD_MS": "1500"}, wait=False)
    wait_until(lambda: port_open(server), 5)
    link = server.open_stream(chat_body("#count 100000"))
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 1)
    link.close()
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 0, 2)


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


def test_sigterm_lets_running_answers_end(fake):
    server = fake(env={"FAKE_STEP_MS": "5"})
    link = server.open_stream(chat_body("#count 200"))
    wait_until(lambda: server.metric("ingle_sequences_running") == 1)
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: server.call("GET", "/readyz")[0] == 503)
    status, _, body = server.chat("too late")
    assert status == 503 and body["error"]["code"] == "server_shutting_down"
    link.settimeout(20)
    events, _ = parse_events(dechunk(b"\r\n\r\n" + read_until_done(link)))
    assert events[-1] == "[DONE]" and text_of(events).split()[-1] == "200"
    assert server.process.wait(10) == 0


def read_until_done(link):
    raw = b""
    while b"data: [DONE]\n\n\r\n0\r\n\r\n" not in raw:
        piece = link.recv(65536)
        assert piece, raw[-500:]
        raw += piece
    return raw.split(b"\r\n\r\n", 1)[1]


def test_drain_has_a_limit(fake):
    server = fake("--drain-ms", 300)
    link = server.open_stream(chat_body("#count 1000000"))
    wait_until(lambda: server.metric("ingle_requests_in_flight") == 1)
    server.process.send_signal(signal.SIGTERM)
    raw = read_all(link)
    assert b'"code":"server_shutting_down"' in raw and b"[DONE]" not in raw
    assert server.process.wait(10) == 0


@pytest.mark.parametrize("busy", [False, True])
def test_sigterm_leaves_time_to_those_who_distribute_requests(fake, busy):
    server = fake("--drain-notice-ms", 1500)
    link = server.open_stream(chat_body("#count 200")) if busy else None
    wait_until(lambda: not busy or server.metric("ingle_requests_in_flight") == 1)
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: server.call("GET", "/readyz")[0] == 503)
    begun = time.monotonic()
    while time.monotonic() < begun + 1:  # Long after all work has ended.
        status, headers, body = server.chat("refused")
        assert status == 503 and body["error"]["code"] == "server_shutting_down"
        assert headers["Retry-After"] == "1" and headers["Connection"] == "close"
        assert server.call("GET", "/livez")[0] == 200
        time.sleep(0.1)
    if busy:
        read_until_done(link)
    assert server.process.wait(10) == 0 and not port_open(server)


def test_ctrl_c_and_a_second_signal_wait_for_nobody(fake):
    idle = fake()
    idle.process.send_signal(signal.SIGINT)
    assert idle.process.wait(2) == 0
    busy = fake()
    link = busy.open_stream(chat_body("#count 1000000"))
    wait_until(lambda: busy.metric("ingle_requests_in_flight") == 1)
    busy.process.send_signal(signal.SIGTERM)
    wait_until(lambda: busy.call("GET", "/readyz")[0] == 503)
    busy.process.send_signal(signal.SIGTERM)
    assert b'"code":"server_shutting_down"' in read_all(link)
    assert busy.process.wait(3) == 0


def test_the_end_of_a_slow_answer_is_read_before_the_end_of_the_server(fake):
    server = fake(env={"FAKE_STEP_MS": "0", "FAKE_CONTEXT": "200000"})
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.settimeout(30)
        link.connect(("127.0.0.1", server.port))
        data = json.dumps(chat_body("#wide 500 16384")).encode()
        link.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(data) + data)
        wait_until(lambda: server.metric("ingle_generations_total") == 1)
        wait_until(lambda: server.metric("ingle_requests_in_flight") == 0)
        server.process.send_signal(signal.SIGINT)
        time.sleep(1)
        assert server.process.poll() is None
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        body = read_all(link).split(b"\r\n\r\n", 1)[1]
    assert json.loads(body)["choices"][0]["message"]["content"].split()[-1] == "500"
    assert server.process.wait(10) == 0


def test_a_port_that_is_taken_is_named_with_the_cure(server):
    second = subprocess.run([str(FAKE), "serve", "--port", str(server.port)], capture_output=True, text=True, timeout=20)
    assert second.returncode == 1 and second.stdout == ""
    for part in (str(server.port), "perhaps another ingle", "--port"):
        assert part in second.stderr, second.stderr
    assert server.chat("still here")[0] == 200
