"""ingle tokenize and detokenize: exact bytes, vocabulary-only files."""
import json

import pytest

from gguf_file import vocabulary_only

BEGIN, START, END, HE = 257, 258, 259, 256


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    return vocabulary_only(tmp_path_factory.mktemp("vocabulary") / "v.gguf")


def tokenize(ingle, model, text, *flags):
    done = ingle("tokenize", model, *flags, input=text)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_special_tokens_are_added_and_recognised(ingle, vocabulary):
    assert tokenize(ingle, vocabulary, b"he<|im_end|>") == [BEGIN, HE, END]


def test_no_special_does_neither(ingle, vocabulary):
    assert tokenize(ingle, vocabulary, b"he<|im_end|>", "--no-special") == [HE, *b"<|im_end|>"]


@pytest.mark.parametrize("text", [b"", b"\n", b"a\r\nb\n", b"nul\0nul", b"\xff\xfe half \xe2\x82", "zażółć 🙂".encode()])
def test_bytes_of_stdin_are_taken_exactly(ingle, vocabulary, text):
    ids = tokenize(ingle, vocabulary, text, "--no-special")
    done = ingle("detokenize", vocabulary, input=json.dumps(ids).encode())
    assert done.returncode == 0
    assert bytes(b for i in ids for b in ([i] if i < 256 else b"he")) == text
    try:
        text.decode()
        assert done.stdout == text
    except UnicodeDecodeError:
        pass  # What is not UTF-8 may come back as U+FFFD.


def test_detokenize_shows_control_tokens_unless_told_not_to(ingle, vocabulary):
    assert ingle("detokenize", vocabulary, "--tokens", f"{START},{HE}").stdout == b"<|im_start|>he"
    assert ingle("detokenize", vocabulary, "--tokens", f"{START},{HE}", "--skip-special").stdout == b"he"
    assert ingle("detokenize", vocabulary, input=f"[{HE}]".encode()).stdout == b"he"


def test_no_ids_are_no_text(ingle, vocabulary):
    done = ingle("detokenize", vocabulary, "--tokens", "", input=b"[256]")
    assert done.returncode == 0 and done.stdout == b""


@pytest.mark.parametrize("ids", [b"[-1]", b"[260]", b"[1.5]", b"[1.0]", b'["1"]', b"{}", b"[", b"[1e999]"])
def test_bad_ids_are_refused(ingle, vocabulary, ids):
    done = ingle("detokenize", vocabulary, input=ids)
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"ingle detokenize: ")


def test_the_bundled_model_is_the_default_and_does_not_depend_on_the_folder(ingle, tmp_path):
    here = ingle("tokenize", input=b"Hello")
    there = ingle("tokenize", input=b"Hello", cwd=tmp_path)
    named = ingle("tokenize", "spark", input=b"Hello", cwd=tmp_path)
    assert here.returncode == 0 and here.stdout == there.stdout == named.stdout


def test_files_that_are_no_models(ingle, tmp_path):
    (tmp_path / "text.gguf").write_text("not a model")
    assert ingle("tokenize", tmp_path / "text.gguf", input=b"").returncode == 65
    missing = ingle("tokenize", tmp_path / "missing.gguf", input=b"")
    assert missing.returncode == 1 and b"there is no file" in missing.stderr
