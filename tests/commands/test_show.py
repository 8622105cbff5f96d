"""ingle show: what is in a file, without loading it."""
import json

import pytest

from gguf_file import vocabulary_only, write


def test_json(ingle):
    model = json.loads(ingle("show", "spark", "--json").stdout)
    assert model["runs"] == "yes" and model["architecture"]
    assert model["parameters"] > 1e6 and model["file_bytes"] > 1e6
    assert model["memory"]["total_bytes"] == sum(model["memory"][k] for k in ("weight_bytes", "cache_bytes", "working_bytes"))
    assert any(token["spelling"] == "<|im_end|>" for token in model["end_tokens"])
    assert model["metadata"]["general.architecture"] == model["architecture"]
    assert "messages" in model["chat_template"]
    wider = json.loads(ingle("show", "spark", "--json", "--ctx", 100000).stdout)
    assert wider["memory"]["cache_bytes"] == 100000 * wider["memory"]["cache_bytes_per_token"]
    # A byte and a sixteenth for each element, instead of two.
    assert model["memory"]["cache_type"] == "bf16"
    codes = json.loads(ingle("show", "spark", "--json", "--cache-type", "i8").stdout)["memory"]
    assert codes["cache_type"] == "i8"
    assert codes["cache_bytes_per_token"] * 32 == model["memory"]["cache_bytes_per_token"] * 17


def test_readable(ingle):
    text = ingle("show", "spark").stdout.decode()
    assert "cache in bf16" in text and "cache in i8" in ingle("show", "spark", "--cache-type", "i8").stdout.decode()
    for word in ("tokenizer", "end of answer", "parameters", "memory", "metadata", "chat template"):
        assert word in text
    assert len(ingle("show", "spark", "--template").stdout) > len(text)


def test_a_file_that_cannot_run_is_described_with_the_reason(ingle, tmp_path):
    model = json.loads(ingle("show", vocabulary_only(tmp_path / "v.gguf"), "--json").stdout)
    assert model["runs"].startswith("no: ") and "an-architecture-nobody-knows" in model["runs"]
    assert "memory" not in model
    empty = json.loads(ingle("show", write(tmp_path / "e.gguf", {"general.name": "x\x1b[2J"}), "--json").stdout)
    assert empty["tokenizer"].startswith("not usable")


def test_terminal_escapes_of_a_file_are_not_printed(ingle, tmp_path):
    done = ingle("show", write(tmp_path / "e.gguf", {"general.name": "x\x1b[2J", "tokenizer.chat_template": "\x1b[2J"}))
    assert b"\x1b" not in done.stdout


def test_text_of_a_file_is_shown_as_it_is(ingle, tmp_path):
    said = 'say "\\w+" or \'x\''
    text = ingle("show", write(tmp_path / "q.gguf", {"general.name": said, "tokenizer.chat_template": said}), "--template").stdout.decode()
    assert f"general.name = {said}\n" in text and f"\n    {said}\n" in text


def test_controls_and_bytes_that_are_no_text_are_shown_as_escapes(ingle, tmp_path):
    done = ingle("show", write(tmp_path / "c.gguf", {"general.name": "a\nb\tc\x9b2Jd", "general.tags": ["e\x9bf"]}))
    assert b"a\\nb\\tc\\u009b2Jd" in done.stdout and b"e\\u009bf" in done.stdout and "\x9b".encode() not in done.stdout


@pytest.mark.parametrize("metadata", [{"general.name": "a\udcffb"}, {"general.tags": ["c", "a\udcff"]}])
def test_text_that_is_no_utf8_is_damage(ingle, tmp_path, metadata):
    done = ingle("show", write(tmp_path / "b.gguf", metadata), "--json")
    assert done.returncode == 65 and done.stdout == b"" and next(iter(metadata)).encode() in done.stderr


def test_a_vocabulary_without_weights_is_called_that(ingle, tmp_path):
    file = vocabulary_only(tmp_path / "v.gguf", **{"general.architecture": "llama"})
    runs = json.loads(ingle("show", file, "--json").stdout)["runs"]
    assert "vocabulary but no weights" in runs and "damaged" not in runs
    text = ingle("show", file).stdout.decode()
    assert "a vocabulary only" in text and "byte-level BPE, 260 tokens" in text and "parameters      0" in text
    assert ingle("run", file, "Hi").returncode == 65


def test_a_damaged_file_is_an_error(ingle, tmp_path):
    whole = vocabulary_only(tmp_path / "v.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[:len(whole) // 2])
    done = ingle("show", tmp_path / "cut.gguf")
    assert done.returncode == 65 and done.stdout == b"" and b"cut.gguf" in done.stderr
