"""ingle convert, ingle quantize: the bundled model as a Hugging Face directory and back, and everything that is refused."""
import json
import pathlib
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

import pytest

import directories
from conftest import BINARY
from directories import SPARK
from gguf_reader import Reader


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    """The bundled model, with F32 weights."""
    _, tensors = directories.read_spark()
    return directories.write_directory(tmp_path_factory.mktemp("models") / "spark", directories.hf_tensors(tensors))


def convert(ingle, directory, out, *flags):
    done = ingle("convert", directory, "-o", out, *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b""
    return done.stderr.decode()


def test_spark_comes_back_bit_by_bit_and_answers_the_same(ingle, directory, tmp_path):
    said = convert(ingle, directory, tmp_path / "spark.gguf", "--type", "Q8_0")
    assert re.search(r"spark\.gguf: Q8_0, \d+\.\d MiB from \d+\.\d MiB in .* bits per weight", said), said
    assert re.search(r"q8_0 +\d+ tensors", said) and "warning" not in said
    ours, theirs = Reader(tmp_path / "spark.gguf"), Reader(SPARK)
    assert ours.tensors == theirs.tensors
    for key in ("tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.pre", "tokenizer.ggml.eos_token_id",
                "tokenizer.chat_template", "general.file_type", "llama.block_count"):
        assert ours.keys[key] == theirs.keys[key], key
    text = "Hello, world!  12 o'clock\n\n\tnaïve 你好 🚀 <|im_end|>".encode()
    for prompt in ("What is 17 + 25?", "Which day comes after Tuesday?"):
        answers = [ingle("run", model, prompt, "-q").stdout for model in (tmp_path / "spark.gguf", SPARK)]
        assert answers[0] and answers[0] == answers[1]
    ids = [ingle("tokenize", model, input=text).stdout for model in (tmp_path / "spark.gguf", SPARK)]
    assert ids[0].startswith(b"[") and ids[0] == ids[1]


def text_facts(ingle, model):
    """What `show` says of defaults, ends and templates, without where each comes from."""
    done = ingle("show", model, "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    facts = {key: shown[key] for key in ("chat_template", "chat_templates", "template_error", "template_abilities")}
    facts["ends"] = [(token["id"], token["spelling"]) for token in shown["end_tokens"]]
    facts["sampling"] = {name: (entry["value"], entry["origin"]) for name, entry in shown["sampling"].items()}
    return facts


@pytest.mark.parametrize("settings", [
    {},  # As published: do_sample is false.
    {"do_sample": True, "temperature": 0.7, "top_k": 20, "top_p": 0.9, "min_p": 0.01, "typical_p": 0.9,
     "repetition_penalty": 1.1},
    {"do_sample": False, "temperature": 0.7, "eos_token_id": [2, 0, 1, 30, 31, 32], "stop_strings": ["saw", "."]},
], ids=["published", "sampled", "ends"])
def test_defaults_ends_and_templates_come_along(ingle, directory, tmp_path, settings):
    model = tmp_path / "model"
    shutil.copytree(directory, model)
    directories.change(model / "generation_config.json", **settings)
    template = json.loads((model / "tokenizer_config.json").read_text())["chat_template"]
    (model / "chat_template.jinja").write_text(template)
    (model / "additional_chat_templates").mkdir()
    (model / "additional_chat_templates/tool_use.jinja").write_text("{{ tools }}{{ messages }}")
    directories.change(model / "tokenizer_config.json", add_bos_token=settings.get("do_sample", False))
    convert(ingle, model, tmp_path / "out.gguf")
    ours, theirs = (text_facts(ingle, path) for path in (model, tmp_path / "out.gguf"))
    assert ours == theirs
    assert ours["chat_templates"] == ["default", "tool_use"] and ours["sampling"]["temperature"][1] == "model"
    assert [i for i, _ in ours["ends"]] == sorted(settings.get("eos_token_id", [2, 0]))
    answers = [ingle("run", path, "What is the capital of Poland?", "--seed", 7, "-q").stdout
               for path in (model, tmp_path / "out.gguf")]
    assert answers[0] == answers[1] != b""
    assert answers[0].endswith(b" War") == ("stop_strings" in settings), answers
    ids = [ingle("tokenize", path, input=b"Hello, world!").stdout for path in (model, tmp_path / "out.gguf")]
    assert ids[0] == ids[1]


@pytest.mark.parametrize("type_name", ["F16", "BF16", "Q4_0", "q4_k_m", "Q5_K_M", "Q6_K"])
def test_every_type_runs_and_threads_change_nothing(ingle, directory, tmp_path, type_name):
    convert(ingle, directory, tmp_path / "a.gguf", "--type", type_name, "--threads", 1, "--quiet")
    convert(ingle, directory, tmp_path / "b.gguf", "--type", type_name, "--threads", 3, "-q")
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()
    assert ingle("run", tmp_path / "a.gguf", "What is 2 + 2?", "-q").stdout.strip()


def test_quantize_is_convert_in_two_steps(ingle, directory, tmp_path):
    convert(ingle, directory, tmp_path / "plain.gguf")
    convert(ingle, directory, tmp_path / "one.gguf", "--type", "Q4_K_M")
    done = ingle("quantize", tmp_path / "plain.gguf", tmp_path / "two.gguf", "--type", "Q4_K_M")
    assert done.returncode == 0 and b"Q4_K_M" in done.stderr
    assert (tmp_path / "one.gguf").read_bytes() == (tmp_path / "two.gguf").read_bytes()
    kinds = {kind for kind, _, _ in Reader(tmp_path / "two.gguf").tensors.values()}
    assert "F32" in kinds and kinds & {"Q6_K", "Q8_0"}


def test_requantising_has_to_be_allowed(ingle, tmp_path):
    refused = ingle("quantize", SPARK, tmp_path / "q4.gguf", "--type", "Q4_0")
    assert refused.returncode == 1 and b"--allow-requantize" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    done = ingle("quantize", SPARK, tmp_path / "q4.gguf", "--type", "Q4_0", "--allow-requantize")
    assert done.returncode == 0 and b"quantised before" in done.stderr


def test_command_lines_that_are_wrong(ingle, directory, tmp_path):
    for arguments, word in ((["convert"], b"DIR is required"), (["convert", directory], b"--output is required"),
                            (["convert", directory, "-o", tmp_path / "x", "--type", "Q9"], b"known are F32, F16"),
                            (["quantize", SPARK, tmp_path / "x"], b"--type is required"),
                            (["quantize", SPARK, tmp_path / "x", "--type", "F16", "--threads", 0], b"--threads")):
        done = ingle(*arguments)
        assert done.returncode == 2 and word in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_are_refused(ingle, directory, tmp_path):
    (tmp_path / "old.gguf").write_text("precious")
    for out, word in ((tmp_path / "old.gguf", b"exists already"), (tmp_path, b"is a directory"),
                      (tmp_path / "no/folder/x.gguf", b"No such file"), ("/dev/full", b"not a regular file")):
        done = ingle("convert", directory, "-o", out)
        assert done.returncode == 1 and word in done.stderr, done.stderr
    assert (tmp_path / "old.gguf").read_text() == "precious" and len(list(tmp_path.iterdir())) == 1
    convert(ingle, directory, tmp_path / "old.gguf", "--force")
    assert (tmp_path / "old.gguf").read_bytes()[:4] == b"GGUF"
    itself = ingle("quantize", tmp_path / "old.gguf", tmp_path / "old.gguf", "--type", "F16", "--force")
    assert itself.returncode == 1 and b"is the model that is read" in itself.stderr


def test_inputs_of_the_other_kind(ingle, directory, tmp_path):
    for arguments, word in ((["convert", SPARK, "-o", tmp_path / "x"], b"ingle quantize"),
                            (["quantize", directory, tmp_path / "x", "--type", "F16"], b"ingle convert"),
                            (["convert", tmp_path / "missing", "-o", tmp_path / "x"], b"does not exist")):
        done = ingle(*arguments)
        assert done.returncode == 1 and word in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_and_leaves_nothing(directory, tmp_path):
    run = subprocess.run([BINARY, "convert", directory, "-o", tmp_path / "x.gguf"], capture_output=True, timeout=300,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
    assert run.returncode == 1 and b"cannot write" in run.stderr and b"File too large" in run.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_giving_up_leaves_nothing(directory, tmp_path, number):
    process = subprocess.Popen([BINARY, "convert", directory, "-o", tmp_path / "x.gguf", "--type", "Q4_K_M"],
                               stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not list(tmp_path.iterdir()) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    process.send_signal(number)
    process.wait(timeout=120)
    left = [path.name for path in tmp_path.iterdir()]
    assert (process.returncode, left) in ((130, []), (0, ["x.gguf"]))


def broken(directory, folder, name, change):
    """A copy of the directory with one file changed; None: without it."""
    shutil.copytree(directory, folder)
    data = change((folder / name).read_bytes())
    (folder / name).unlink() if data is None else (folder / name).write_bytes(data)
    return folder


HOSTILE = [
    ("config.json", lambda data: None, 65, b"config.json"),
    ("config.json", lambda data: b"{" * 5000, 65, b"config.json"),
    ("config.json", lambda data: data.replace(b"LlamaForCausalLM", b"../../etc/passwd"), 65, b"is not supported"),
    ("config.json", lambda data: re.sub(rb'"hidden_size": *\d+', b'"hidden_size": 1e18', data), 65, b"hidden_size"),
    ("config.json", lambda data: re.sub(rb'"num_hidden_layers": *\d+', b'"num_hidden_layers": 1000', data), 65, b"missing"),
    ("tokenizer.json", lambda data: None, 65, b"tokenizer.json"),
    ("tokenizer.json", lambda data: data[:len(data) // 2], 65, b"tokenizer.json"),
    ("tokenizer.json", lambda data: b'{"model": {"type": "BPE", "vocab": {"a": 4000000000}, "merges": []}}', 65, b"tokenizer.json"),
    ("model.safetensors", lambda data: None, 65, b"missing"),
    ("model.safetensors", lambda data: data[:-100], 65, b"safetensors"),
    ("model.safetensors", lambda data: b"\xff" * 64, 65, b"safetensors"),
    ("model.safetensors", lambda data: data[:-4] + struct.pack("<f", float("nan")), 65, b"no finite number"),
]


@pytest.mark.parametrize("name, change, code, word", HOSTILE)
def test_hostile_directories(ingle, directory, tmp_path, name, change, code, word):
    folder = broken(directory, tmp_path / "model", name, change)
    done = ingle("convert", folder, "-o", tmp_path / "x.gguf", "--type", "Q8_0")
    assert done.returncode == code and word in done.stderr, done.stderr
    assert done.stderr.count(b"\x1b") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_memory_stays_bounded(directory, tmp_path):
    """Some megabytes at a time, whatever the size of the model (of which the page cache holds what it likes)."""
    # A new program inherits the peak of the one that started it, so that has to be a small one.
    starter = ("import os, sys\npid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)\n"
               "_, status, usage = os.wait4(pid, 0)\nprint(usage.ru_maxrss)\nsys.exit(status != 0)")
    done = subprocess.run([sys.executable, "-S", "-c", starter, BINARY, "convert", directory, "-o", tmp_path / "x.gguf",
                           "--type", "Q8_0", "-q"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 150 * 1024, f"{done.stdout} KiB"
    assert pathlib.Path(tmp_path / "x.gguf").exists()
