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


class TerminalChat:
    """`ingle chat spark` on a terminal: stdin and stderr are a pty, stdout a pipe."""

    def __init__(self, *flags, **environment):
        self.ours, theirs = pty.openpty()
        self.unread = b""
        self.process = subprocess.Popen([BINARY, "chat", "spark", *flags], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, start_new_session=True,
                                        env={**os.environ, "TERM": "dumb", **environment})
        os.close(theirs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        os.close(self.ours)

    def type(self, text):
        os.write(self.ours, text)

    def until(self, what, timeout_s=120):
        """What the terminal shows up to `what`; the rest stays for the next call."""
        end = time.monotonic() + timeout_s
        while what not in self.unread:
            assert time.monotonic() < end, self.unread
            if select.select([self.ours], [], [], 0.1)[0]:
                self.unread += os.read(self.ours, 65536)
        seen, _, self.unread = self.unread.partition(what)
        return seen + what


def test_ctrl_c_at_the_prompt_gives_the_line_up_and_ctrl_d_ends(tmp_path):
    with TerminalChat("--verbose", XDG_STATE_HOME=str(tmp_path / "state")) as chat:
        chat.until(b"> ")
        chat.type(b"given up")
        chat.until(b"given up")
        chat.process.send_signal(signal.SIGINT)
        chat.until(b"> ")
        chat.type(b"Hello!\n")
        assert b"user\\nHello!<" in chat.until(b"sampling")
        chat.until(b"> ")
        chat.type(b"\x04")
        assert chat.process.wait(120) == 0
    assert "Hello!" in (tmp_path / "state/ingle/chat_history").read_text()


def test_the_moment_the_prompt_shows_ctrl_c_and_ctrl_d_count(tmp_path):
    """No pause between the prompt and the key: neither may fall between two reads of the editor."""
    for _ in range(10):
        with TerminalChat(XDG_STATE_HOME=str(tmp_path)) as chat:
            chat.until(b"> ")
            for line in (b"x", "gr\xfc\xdfe".encode(), b"abc"):
                chat.type(line)
                chat.until(line)
                chat.process.send_signal(signal.SIGINT)
                chat.until(b"> ")
            chat.type(b"\x04")
            assert chat.process.wait(120) == 0


def test_ctrl_c_stops_the_answer_and_not_the_program(tmp_path):
    environment = {"HOME": str(tmp_path), "XDG_STATE_HOME": "", "INGLE_FORCE_ISA": "portable"}  # The slowest tier leaves time.
    with TerminalChat("--ignore-eos", "--stats", "--threads", "1", **environment) as chat:
        chat.until(b"> ")
        chat.type(b"Hello!\n")
        assert os.read(chat.process.stdout.fileno(), 1)  # The answer has begun.
        chat.process.send_signal(signal.SIGINT)
        assert b"cancelled" in chat.until(b"tokens/s")
        chat.until(b"> ")
        chat.type(b"/exit\n")
        assert chat.process.wait(120) == 0
    assert (tmp_path / ".local/state/ingle/chat_history").exists()
