"""Values at their limits: refused with a word, or right."""
import subprocess

import pytest

from conftest import BINARY


def test_bench_needs_no_flags_for_a_model_with_a_short_context(ingle):
    done = ingle("bench", "spark", "--repeat", 1, "--json")
    assert done.returncode == 0, done.stderr
    assert b'"prompt": 448' in done.stdout and b"context is 512" in done.stderr


def test_bench_refuses_a_prompt_beyond_the_context(ingle):
    done = ingle("bench", "spark", "--prompt", 512, "--repeat", 1)
    assert done.returncode == 1 and b"lower --prompt" in done.stderr and done.stdout == b""


def test_logits_with_neighbours_reach_the_end_of_the_context(ingle, tmp_path):
    tokens = ",".join(str(i * 37 % 300) for i in range(512))
    alone, among = tmp_path / "alone.npy", tmp_path / "among.npy"
    for path, flags in ((alone, []), (among, ["--chunk", 3, "--neighbours", 3])):
        done = ingle("logits", "spark", "--tokens", tokens, "-o", path, *flags)
        assert done.returncode == 0, done.stderr
    assert alone.read_bytes() == among.read_bytes()


def test_a_temperature_that_float_cannot_hold_is_greedy(ingle):
    texts = {ingle("run", "spark", "Hi", "--temperature", value).stdout for value in ("0", "1e-300")}
    assert len(texts) == 1 and texts != {b""}


@pytest.mark.parametrize("arguments", [["show", "spark"], ["detokenize", "spark", "--tokens", "30,40"], ["version"]])
def test_output_that_cannot_be_written_is_a_failure(arguments):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BINARY, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1 and b"cannot write" in done.stderr


@pytest.mark.parametrize("seed", ["18446744073709551616", "-1", "1.5", ""])
def test_seeds_out_of_range_are_refused(ingle, seed):
    done = ingle("run", "spark", "Hi", f"--seed={seed}")
    assert done.returncode == 2, done.stderr
