"""What is made of streams, and a load on a real server."""
import json
import os
import pathlib
import subprocess
import sys

import http_load
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("INGLE_BINARY") or ROOT / "build/release/ingle").resolve()


def event(when, text=None, usage=None):
    choices = [] if text is None else [{"text": text}]
    return when, b"data: " + json.dumps({"choices": choices, "usage": usage}).encode()


def test_pieces_without_text_are_not_waited_for():
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    read = http_load.read_pieces([event(1.0, ""), event(2.0, "a"), event(3.0, "b"), event(3.5, None, usage)])
    assert read == {"times": [2.0, 3.0], "usage": usage}
    with pytest.raises(SystemExit):
        http_load.read_pieces([event(1.0, "a")])


def test_figures_of_a_round():
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    made = http_load.load_figures([{"sent": 0.0, "times": [1.0, 1.5, 2.5], "usage": usage},
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
                           log, "--clients", "3", "--prompt", "20", "--generate", "5", "--rounds", "2", "--threads", "1"],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rounds = [json.loads(line) for line in log.read_text().splitlines()]
    assert [entry["round"] for entry in rounds] == [0, 1]
    for entry in rounds:
        assert entry["tokens"] == 15 and 10 <= entry["prompt_tokens"] <= 30
        assert entry["tokens_per_second"] > 0 and entry["bench_tokens_per_second"] > 0
