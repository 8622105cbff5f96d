"""ingle chat: a conversation, its commands, Ctrl-C."""
import os
import pty
import select
import signal
import subprocess
import time

from conftest import BINARY


def chat(ingle, *lines, flags=()):
    done = ingle("chat", "spark", "--temperature", 0, *flags, input="".join(line + "\n" for line in lines).encode())
    assert done.returncode == 0, done.stderr
    return done.stdout.decode(), done.stderr.decode()


def test_answers_on_stdout_and_all_else_on_stderr(ingle):
    alone = ingle("run", "spark", "Hello!", "--temperature", 0).stdout.decode()
    answers, rest = chat(ingle, "Hello!")
    assert answers == alone.rstrip("\n") + "\n"
    assert "/help" in rest


def test_the_conversation_is_remembered_until_it_is_cleared(ingle):
    said = ["My name is Anna.", "What is my name?"]
    _, together = chat(ingle, *said, flags=["--verbose"])
    assert together.count("My name is Anna.") == 2  # The second prompt holds the first turn.
    _, cleared = chat(ingle, said[0], "/clear", said[1], flags=["--verbose"])
    assert cleared.count("My name is Anna.") == 1


def test_commands(ingle):
    answers, rest = chat(ingle, "/help", "/stats", "Hello!", "/stats", "/values", "/system Be brief.", "/verbose on", "Hi", "/exit", "Hi")
    assert "/system" in rest and "there is no answer yet" in rest and "tokens/s" in rest
    assert "temperature" in rest and "system\\nBe brief." in rest
    assert "/help" not in answers


def test_a_switch_is_on_or_off_and_nothing_else(ingle):
    answers, rest = chat(ingle, "/verbose maybe", "/stats no\x1b[2J", "/verbose", "/verbose", "/stats on", "Hello!", "/stats off", "Hi")
    assert rest.count("say on or off") == 2 and "\x1b" not in rest
    assert "verbose on\nverbose off" in rest.replace("> ", "")
    assert rest.count("tokens/s") == 2  # After "Hello!" and by "/stats off".
    assert answers.count("\n") == 2


def test_slashes_that_are_no_commands_go_to_the_model(ingle):
    assert "user\\n/nonsense" in chat(ingle, "/nonsense", "/exit now", flags=["--verbose"])[1]


def test_statistics_after_each_answer_on_request(ingle):
    assert chat(ingle, "Hello!", flags=["--stats"])[1].count("tokens/s") == 1
    assert chat(ingle, "Hello!")[1].count("tokens/s") == 0


def test_a_refused_prompt_does_not_end_the_conversation(ingle):
    answers, rest = chat(ingle, "word " * 200, "Hello!", flags=["--ctx", "64", "--max-tokens", "4"])
    assert "maximum context length" in rest and answers.strip()


def read_until(descriptor, what, timeout_s=60):
    seen, end = b"", time.monotonic() + timeout_s
    while what not in seen:
        assert time.monotonic() < end, seen
        if select.select([descriptor], [], [], 0.1)[0]:
            seen += os.read(descriptor, 65536)
    return seen


def test_ctrl_c_at_the_prompt_gives_the_line_up_and_ctrl_d_ends(tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([BINARY, "chat", "spark", "--verbose"], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, start_new_session=True,
                               env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "dumb"})
    try:
        os.close(theirs)
        read_until(ours, b"> ")
        os.write(ours, b"given up")
        read_until(ours, b"given up")
        process.send_signal(signal.SIGINT)
        read_until(ours, b"> ")
        os.write(ours, b"Hello!\n")
        assert b"user\\nHello!<" in read_until(ours, b"sampling")
        read_until(ours, b"> ")
        os.write(ours, b"\x04")
        assert process.wait(20) == 0
        assert "Hello!" in (tmp_path / "state/ingle/chat_history").read_text()
    finally:
        process.kill()
        process.stdout.close()
        os.close(ours)


def test_ctrl_c_stops_the_answer_and_not_the_program(tmp_path):
    """On a terminal: stdin and stderr are a pty, stdout a pipe."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([BINARY, "chat", "spark", "--ignore-eos", "--stats"], stdin=theirs, stderr=theirs,
                               stdout=subprocess.PIPE, start_new_session=True, env={**os.environ, "HOME": str(tmp_path), "TERM": "dumb", "INGLE_FORCE_ISA": "portable"})
    try:
        os.close(theirs)
        read_until(ours, b"> ")
        os.write(ours, b"Hello!\n")
        assert os.read(process.stdout.fileno(), 1)  # The answer has begun; the slowest tier leaves time.
        process.send_signal(signal.SIGINT)
        assert b"cancelled" in read_until(ours, b"tokens/s")
        os.write(ours, b"/exit\n")
        assert process.wait(20) == 0
        assert (tmp_path / ".local/state/ingle/chat_history").exists()
    finally:
        process.kill()
        process.stdout.close()
        os.close(ours)
