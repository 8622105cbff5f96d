"""What is made of streams, and a load on a real server."""
import json
import os
import pathlib
import subprocess
import sys

import http_clients
import http_load
import pytest
import token_rest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("INGLE_BINARY") or ROOT / "build/release/ingle").resolve()


HEAD = (0.5, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


def event(when, text=None, usage=None):
    choices = [] if text is None else [{"text": text}]
    data = b"data: " + json.dumps({"choices": choices, "usage": usage}).encode() + b"\n\n"
    return when, b"%x\r\n%s\r\n" % (len(data), data)


def test_pieces_without_text_are_not_waited_for():
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    pieces = [HEAD, event(1.0, ""), event(2.0, "a"), event(3.0, "b"), event(3.5, None, usage)]
    read = http_clients.read_pieces(pieces)
    assert read == {"times": [2.0, 3.0], "usage": usage}
    whole = b"".join(piece for _, piece in pieces[1:])
    for cut in range(1, len(whole)):  # However the kernel cuts it; a line counts when it is complete.
        times = http_clients.read_pieces([HEAD, (1.0, whole[:cut]), (2.0, whole[cut:])])["times"]
        assert len(times) == 2 and set(times) <= {1.0, 2.0} and times == sorted(times)
    with pytest.raises(SystemExit):
        http_clients.read_pieces([HEAD, event(1.0, "a")])
    with pytest.raises(SystemExit, match="503"):
        http_clients.read_pieces([(1.0, b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}")])


def test_the_rest_of_a_step():
    meter = token_rest.Meter.__new__(token_rest.Meter)
    meter.threads = 2
    meter.marks = [{"steps": 10, "step_seconds": 1.0, "model_seconds": 0.9, "cpu": 5.0},
                   {"steps": 110, "step_seconds": 2.0, "model_seconds": 1.88, "cpu": 5.02}]
    made = meter.figures()
    assert made["steps"] == 100 and made["step_ms"] == pytest.approx(10) and made["outside_model_ms"] == pytest.approx(0.2)
    assert made["other_threads_ms"] == pytest.approx(0.2) and made["rest"] == pytest.approx(0.03)
    meter.marks.pop()
    with pytest.raises(SystemExit, match="generate more"):
        meter.figures()


def test_figures_of_a_round():
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    made = http_clients.load_figures([{"sent": 0.0, "times": [1.0, 1.5, 2.5], "usage": usage},
                                   {"sent": 0.5, "times": [3.5, 4.0], "usage": usage}])
    assert made["tokens"] == 20 and made["tokens_per_second"] == pytest.approx(20 / 4.0)
    assert made["first_token_p50_s"] == pytest.approx(2.0) and made["gap_p50_s"] == pytest.approx(0.5)
    assert made["gap_most_s"] == 1.0 and made["prompt_tokens"] == 100


def test_bench_in_the_same_unit():
    # 4 prompts of 100 take 2 s, 4 x 10 tokens take 3 s.
    assert http_load.bench_tokens_per_second({"prefill": 200.0, "decode": 40 / 3}, 4, 100, 10) == pytest.approx(8.0)


def test_prompts_differ_from_the_first_word_on():
    texts = [http_load.prompt_text(120, seed) for seed in range(50)]
    assert len({text[:9] for text in texts}) == 50 and {len(text) for text in texts} == {120}
    assert http_load.prompt_text(120, 7) == http_load.prompt_text(120, 7)


def test_a_real_server_under_load(tmp_path):
    log = tmp_path / "log"
    done = subprocess.run([sys.executable, ROOT / "bench/http_load.py", "--ingle", BINARY, "--model", "spark", "--log",
                           log, "--clients", "3", "--prompt", "20", "--generate", "5", "--rounds", "2", "--threads", "1",
                           "--rest-generate", "600"],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rounds = [json.loads(line) for line in log.read_text().splitlines()]
    assert [entry["round"] for entry in rounds] == [0, 1]
    for entry in rounds:
        assert entry["tokens"] == 15 and 10 <= entry["prompt_tokens"] <= 30
        assert entry["tokens_per_second"] > 0 and entry["bench_tokens_per_second"] > 0
        assert set(entry["rest"]) == {"1", "3"} and all(0 < rest["rest"] < 1 for rest in entry["rest"].values())
        assert all(rest["steps"] >= 50 for rest in entry["rest"].values())
