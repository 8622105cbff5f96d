"""ingle run: one answer; stdout is the model's text alone; limits, seeds, exit codes."""
import re

import pytest

QUESTION = "What is the capital of France?"
# The bundled model is sure of its answers: only past their end, at a high temperature, do seeds show.
WILD = ["--temperature", 2, "--top-k", 0, "--top-p", 1, "--min-p", 0, "--ignore-eos"]


def run(ingle, *arguments, **options):
    done = ingle("run", *arguments, **options)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout, done.stderr.decode()


def test_text_on_stdout_and_the_rest_on_stderr(ingle):
    text, report = run(ingle, "spark", QUESTION)
    assert text.strip() and b"<|" not in text
    assert re.search(r"^ingle: (stop|length) \(\w+\), \d+ prompt \+ \d+ tokens, .*, seed \d+$", report, re.M)
    assert run(ingle, "spark", QUESTION, "--quiet", "--seed", 1)[1] == ""


def test_verbose_shows_what_is_sent_and_leaves_stdout_alone(ingle):
    plain, _ = run(ingle, "spark", QUESTION, "--seed", 5)
    text, report = run(ingle, "spark", QUESTION, "--seed", 5, "--verbose", "--top-k", 40)
    assert text == plain
    assert f"user\\n{QUESTION}" in report  # The rendered prompt, its newlines as escapes.
    assert re.search(r"^  top_k +40 +request$", report, re.M)
    assert re.search(r"^  temperature +[\d.]+ +(built-in|model)$", report, re.M)
    assert re.search(r"^end tokens \d+ ", report, re.M) and "context " in report


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_threads(ingle):
    texts = {run(ingle, "spark", "Tell me a story.", "--seed", 3, "--max-tokens", 40, *WILD, "--threads", n)[0]
             for n in (1, 2, 3)}
    assert len(texts) == 1
    others = {run(ingle, "spark", "Tell me a story.", "--seed", s, "--max-tokens", 40, *WILD)[0] for s in (3, 4, 5)}
    assert len(others) > 1


def test_a_drawn_seed_is_reported_and_repeats_the_answer(ingle):
    text, report = run(ingle, "spark", "Tell me a story.", "--max-tokens", 30, *WILD)
    seed = re.search(r"seed (\d+)", report).group(1)
    assert run(ingle, "spark", "Tell me a story.", "--max-tokens", 30, *WILD, "--seed", seed)[0] == text


def test_limits(ingle):
    assert "length (max_tokens)" in run(ingle, "spark", QUESTION, "--max-tokens", 2)[1]
    report = run(ingle, "spark", QUESTION, "--ignore-eos", "--max-tokens", 50)[1]
    assert "length (max_tokens)" in report and "+ 50 tokens" in report
    assert "length (context_full)" in run(ingle, "spark", QUESTION, "--ignore-eos", "--ctx", 64)[1]


def test_stop_string(ingle):
    whole, _ = run(ingle, "spark", "Count from 1 to 9.", "--temperature", 0)
    middle = whole.decode()[len(whole) // 2:][:3]
    text, report = run(ingle, "spark", "Count from 1 to 9.", "--temperature", 0, "--stop", middle)
    assert text.decode() == whole.decode().split(middle)[0] and "stop (stop_string)" in report


def test_raw_continues_the_prompt_without_a_template(ingle):
    _, raw = run(ingle, "spark", "--raw", "Hello", "--max-tokens", 1, "--verbose")
    assert 'prompt     "Hello"' in raw and "none (raw)" in raw


def test_prompt_from_stdin_and_default_model(ingle):
    text, _ = run(ingle, "spark", QUESTION, "--seed", 1)
    assert run(ingle, "spark", "--seed", 1, input=QUESTION.encode())[0] == text
    assert run(ingle, "spark", "-", "--seed", 1, input=QUESTION.encode())[0] == text
    assert run(ingle, "-", "--seed", 1, input=QUESTION.encode())[0] == text
    assert run(ingle, QUESTION, "--seed", 1)[0] == text


def test_system_message_and_forbidden_token(ingle):
    _, report = run(ingle, "spark", "Hi", "--system", "Be brief.", "--max-tokens", 1, "--verbose")
    assert "system\\nBe brief." in report
    run(ingle, "spark", "Hi", "--logit-bias", "5=off", "--logit-bias", "6=-2.5", "--max-tokens", 1)


def test_what_comes_after_two_dashes_is_the_prompt(ingle):
    for arguments in (["spark", "--", "-x + 3"], ["--", "-x + 3"], ["--", "spark", "-x + 3"]):
        assert "user\\n-x + 3" in run(ingle, "--max-tokens", 1, "--verbose", *arguments)[1], arguments
    assert "user\\n--raw" in run(ingle, "spark", "--max-tokens", 1, "--verbose", "--", "--raw")[1]
    assert "user\\n-5 + 3" in run(ingle, "spark", "-5 + 3", "--max-tokens", 1, "--verbose")[1]


@pytest.mark.parametrize("arguments", [["spark", "-x + 3"], ["spark", "Hi", "there"], ["spark", "Hi", "--", "-x"]])
def test_a_wrong_prompt_gets_a_word_on_how_it_is_written(ingle, arguments):
    done = ingle("run", *arguments)
    assert done.returncode == 2 and done.stdout == b""
    assert done.stderr.startswith(b"ingle run: ") and b"after --" in done.stderr and b"ingle run --help" in done.stderr


@pytest.mark.parametrize("flags", [["--no-special"], ["--raw", "--system", "Be brief."], ["--raw", "--set", "{}"],
                                   ["--raw", "--chat-template", __file__]])
def test_flags_without_effect_are_refused_together(ingle, flags):
    done = ingle("run", "spark", "Hi", *flags)
    assert done.returncode == 2 and done.stdout == b"" and b"--raw" in done.stderr


@pytest.mark.parametrize("flags", [["--temperature", "-1"], ["--temperature", "nan"], ["--top-p", "0"], ["--top-k", "1.5"],
                                   ["--min-p", "x"], ["--seed", "-1"], ["--logit-bias", "1"], ["--max-tokens", "0"],
                                   ["--nonsense"], ["--ctx", "1"], ["--logit-bias", "5=1e999"], ["--logit-bias", "5=nan"],
                                   ["--logit-bias", "5=101"], ["--stop", ""], ["--set", "[1]"], ["--set", "{"], ["--set", ""], ["--cache-type", "f8"]])
def test_wrong_flags_give_exit_code_2(ingle, flags):
    done = ingle("run", "spark", "Hi", *flags)
    assert done.returncode == 2 and done.stdout == b"" and done.stderr


def test_a_prompt_longer_than_the_context_is_refused(ingle):
    done = ingle("run", "spark", "word " * 200, "--ctx", 64)
    assert done.returncode == 1 and done.stdout == b""
    assert re.search(rb"maximum context length is 64 tokens. However, your messages resulted in \d+ tokens", done.stderr)


def test_models_that_are_not_there_or_broken(ingle, tmp_path):
    assert ingle("run", tmp_path / "none.gguf", "Hi").returncode == 1
    (tmp_path / "broken.gguf").write_bytes(b"GGUF\3\0\0\0")
    done = ingle("run", tmp_path / "broken.gguf", "Hi")
    assert done.returncode == 65 and b"broken.gguf" in done.stderr


def test_instruction_set_by_environment(ingle):
    same = {run(ingle, "spark", "Hi", "--seed", 1, env={"INGLE_FORCE_ISA": isa})[0] for isa in ("", "portable")}
    assert len(same) == 1
    done = ingle("run", "spark", "Hi", env={"INGLE_FORCE_ISA": "nonsense"})
    assert done.returncode == 1 and b"INGLE_FORCE_ISA" in done.stderr


def test_help_and_version(ingle):
    assert ingle("--help").returncode == 0 and b"Exit codes" in ingle("--help").stdout
    for command in ("serve", "run", "chat", "show", "bench", "tokenize", "detokenize", "render", "logits", "worker"):
        assert ingle(command, "--help").returncode == 0
    assert ingle("version").stdout.startswith(b"ingle ")
    assert ingle().returncode == 2
    for word, kind in ("nonsense", b"command"), ("--nonsense", b"option"):
        done = ingle(word)
        assert done.returncode == 2 and b"no %s '%s'" % (kind, word.encode()) in done.stderr
