"""Values at their limits: refused with a word, or right."""
import os
import pty
import signal
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


@pytest.mark.parametrize("arguments", [["show", "spark"], ["detokenize", "spark", "--tokens", "30,40"], ["version"],
                                       ["bench", "--prompt", "1", "--generate", "1", "--repeat", "1"]])
def test_output_that_cannot_be_written_is_a_failure(arguments):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BINARY, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=300)
    assert done.returncode == 1 and b"cannot write" in done.stderr


def test_chat_says_once_that_its_output_cannot_be_written():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BINARY, "chat"], input=b"Hi\nHi\n", stdout=full, stderr=subprocess.PIPE, timeout=300)
    assert done.returncode == 1 and done.stderr.count(b"cannot write") == 1


@pytest.mark.parametrize("command", [["run", "spark", "Hi"], ["chat"], ["bench"], ["logits", "--tokens", "1", "-o", "x.npy"]])
def test_a_wrong_instruction_set_gives_one_exit_code(ingle, command, tmp_path):
    done = ingle(*command, input=b"", env={"INGLE_FORCE_ISA": "nonsense"}, cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == b"" and b"INGLE_FORCE_ISA=nonsense" in done.stderr


@pytest.mark.parametrize("arguments", [["serve", "--port", "65536"], ["serve", "--port", "x"], ["show", "--ctx", "0"], ["show", "--ctx", "x"],
                                       ["bench", "--sequences", "1025"], ["logits", "--tokens", "1", "-o", ""], ["worker"], ["version", "x"]])
def test_wrong_arguments_are_named(ingle, arguments):
    done = ingle(*arguments)
    assert done.returncode == 2 and done.stdout == b""
    assert done.stderr.startswith(b"ingle %s: " % arguments[0].encode()) and b"--help" in done.stderr


def test_a_file_never_takes_the_place_of_a_closed_stream(ingle, tmp_path):
    def shell(line):
        return subprocess.run(["bash", "-c", line, BINARY], capture_output=True, timeout=300, cwd=tmp_path)
    done = shell('"$0" run spark - <&-')  # Would read the model's file otherwise.
    assert done.returncode == 1 and b"cannot read standard input" in done.stderr
    done = shell('"$0" run spark Hi >&-')
    assert done.returncode == 1 and b"cannot write" in done.stderr
    assert shell('"$0" run spark Hi --temperature 0 2>&-').stdout == shell('"$0" run spark Hi --temperature 0').stdout != b""


@pytest.mark.parametrize("arguments,code,said", [
    (["show", ""], 1, b"MODEL is empty"), (["show", "/"], 65, b"is a directory"), (["run", "/dev/null", "Hi"], 65, b"not a regular file"),
    (["serve", "--api-key-file", "/dev/null"], 1, b"there is no key in /dev/null"), (["serve", "--api-key-file", "/none"], 1, b"cannot open /none"),
    (["render", "--messages", "/none"], 1, b"cannot open /none"), (["render", "--messages", "/"], 1, b"cannot read /"),
    (["render", "--messages", "/dev/null", "--template", "/dev/zero"], 1, b"more than 1048576 bytes"),
    (["logits", "--tokens", "[[1]]", "-o", "/dev/null"], 1, b"[1] is not a token id"), (["logits", "--tokens", "[]", "-o", "/dev/null"], 1, b"--tokens is empty"),
    (["logits", "--tokens", "1", "-o", "/dev/full"], 1, b"cannot write /dev/full"), (["detokenize", "--tokens", '{"a": [1]}'], 1, b"must be a list of token ids"),
    (["run", "Hi", "--ctx", "1000000000"], 1, b"--ctx 512 or less"), (["worker", "--socket", "/none/x"], 1, b"cannot bind /none/x")])
def test_arguments_that_cannot_be_met_say_why(ingle, arguments, code, said):
    done = ingle(*arguments, input=b"")
    assert done.returncode == code and said in done.stderr and done.stdout == b"", done.stderr


def test_run_on_a_terminal_without_a_prompt_does_not_wait():
    ours, theirs = pty.openpty()
    done = subprocess.run([BINARY, "run", "spark"], stdin=theirs, capture_output=True, timeout=300)
    os.close(theirs), os.close(ours)
    assert done.returncode == 1 and b"there is no prompt" in done.stderr


def test_a_reader_that_goes_away_ends_the_program():
    process = subprocess.Popen([BINARY, "bench", "--json", "--prompt", "1", "--generate", "1", "--repeat", "1000000"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(300) == -signal.SIGPIPE
    process.stderr.close()


def test_ctrl_c_ends_an_answer_with_its_exit_code():
    process = subprocess.Popen([BINARY, "run", "spark", "Hi", "--ignore-eos", "--threads", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, "INGLE_FORCE_ISA": "portable"})
    assert process.stdout.read(1)  # The answer has begun; the slowest tier leaves time.
    process.send_signal(signal.SIGINT)
    _, report = process.communicate(timeout=300)
    assert process.returncode == 130 and b"cancelled" in report


@pytest.mark.parametrize("seed", ["18446744073709551616", "-1", "1.5", ""])
def test_seeds_out_of_range_are_refused(ingle, seed):
    done = ingle("run", "spark", "Hi", f"--seed={seed}")
    assert done.returncode == 2, done.stderr
