"""Every command with a directory as Hugging Face publishes it, beside the GGUF of the same weights; damaged directories."""
import json
import re
import resource
import shutil
import struct

import pytest

import directories
from directories import change

QUESTION = "What is the capital of Poland?"
MESSAGES = json.dumps([{"role": "user", "content": QUESTION}]).encode()


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(directory, GGUF): the bundled model with F32 weights."""
    folder = tmp_path_factory.mktemp("models")
    original, tensors = directories.read_spark()
    named = directories.hf_tensors(tensors)
    directories.write_directory(folder / "sharded", named, shards=3)
    return (directories.write_directory(folder / "spark-hf", named),
            directories.write_gguf(folder / "spark-f32.gguf", original, tensors))


@pytest.fixture
def copy(both, tmp_path):
    """A directory to damage: the weights are links."""
    def make(name="copy", sharded=False):
        source = both[0].parent / "sharded" if sharded else both[0]
        target = tmp_path / name
        target.mkdir()
        for file in source.iterdir():
            if file.suffix == ".safetensors":
                (target / file.name).symlink_to(file)
            else:
                shutil.copy(file, target)
        return target
    return make


def output(ingle, *arguments, **options):
    done = ingle(*arguments, **options)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def refused(ingle, model, *words, command=("run",), code=65):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = ingle(command[0], model, *(command[1:] or ["Hi"]))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    text = done.stderr.decode()
    assert done.returncode == code and done.stdout == b"", text
    for word in words:
        assert word in text, (word, text)
    assert took < 1, f"{took:.2f} s of processor time"
    return text


def test_the_same_tokens(ingle, both):
    texts = ["Hello, world! ", "zażółć\n\n  <|im_end|> 12345", "日本語 🎉 \t end", ""]
    for text in texts:
        for flags in ([], ["--no-special"]):
            ids = [output(ingle, "tokenize", model, *flags, input=text.encode()) for model in both]
            assert ids[0] == ids[1], text
        back = [output(ingle, "detokenize", model, input=ids[0]) for model in both]
        assert back[0] == back[1]


def test_the_same_prompt(ingle, both):
    assert len({output(ingle, "render", model, "--messages", "-", input=MESSAGES) for model in both}) == 1
    for flags in (["--no-generation-prompt"], ["--set", '{"enable_thinking": true}'], ["--as-api"]):
        assert len({output(ingle, "render", model, "--messages", "-", *flags, input=MESSAGES) for model in both}) == 1


def read_npy(path):
    data = path.read_bytes()
    begin = 10 + struct.unpack("<H", data[8:10])[0]
    return struct.unpack(f"<{(len(data) - begin) // 4}f", data[begin:])


def test_the_same_logits(ingle, both, tmp_path):
    tokens = ",".join(str(5 + i * 7 % 2000) for i in range(40))
    values = []
    for i, model in enumerate((*both, both[0].parent / "sharded")):
        output(ingle, "logits", model, "--tokens", tokens, "--cache-type", "f32", "-o", tmp_path / f"{i}.npy")
        values.append(read_npy(tmp_path / f"{i}.npy"))
    largest = max(map(abs, values[0]))
    assert max(abs(a - b) for a, b in zip(values[0], values[1])) <= 1e-5 * largest
    assert values[0] == values[2]  # One file or three: not a bit.


def test_the_same_answers(ingle, both):
    for question in (QUESTION, "What is 17 + 25?", "Count from 3 to 7."):
        answers = {output(ingle, "run", model, question, "--temperature", 0) for model in both}
        assert len(answers) == 1 and answers != {b""}, question
    assert output(ingle, "run", both[0], QUESTION) == output(ingle, "run", both[1], QUESTION)


def test_chat(ingle, both):
    answers = [output(ingle, "chat", model, "--temperature", 0, input=f"{QUESTION}\nHello!\n".encode()) for model in both]
    assert answers[0] == answers[1] and b"Warsaw" in answers[0]


def test_bench(ingle, both):
    done = output(ingle, "bench", both[0], "--prompt", 8, "--generate", 2, "--repeat", 1, "--json")
    assert json.loads(done)["decode_tokens_per_second"] > 0


def test_show(ingle, both):
    ours, theirs = (json.loads(output(ingle, "show", model, "--json")) for model in both)
    assert ours["runs"] == theirs["runs"] == "yes"
    assert ours["architecture"] == "LlamaForCausalLM" and ours["format"] == "safetensors"
    for key in ("parameters", "memory", "chat_template", "template_abilities", "chat_templates"):
        assert ours[key] == theirs[key], key
    assert [(t["id"], t["spelling"]) for t in ours["end_tokens"]] == [(0, "<|endoftext|>"), (2, "<|im_end|>")]
    assert ours["sampling"]["temperature"] == {"value": 0.0, "origin": "model", "key": "generation_config.do_sample"}
    assert theirs["sampling"]["temperature"]["key"] == "general.sampling.temp"
    text = output(ingle, "show", both[0]).decode()
    assert re.search(r"^  temperature +0 +model: generation_config.do_sample$", text, re.M)
    assert re.search(r"^  tools +works$", text, re.M)


def test_serve(ingle, serve, both):
    server = serve(model=both[0])
    try:
        _, _, models = server.request("GET", "/v1/models")
        assert [m["id"] for m in models["data"]] == ["spark-hf"]
        shown = json.loads(output(ingle, "show", both[0], "--json"))
        facts = models["data"][0]["ingle"]
        assert facts == {key: shown[key] for key in facts} and len(facts) == 6
        origin = 'key="generation_config.do_sample"'
        assert f'info model_default field="temperature" value="0" {origin}' in server.output()
        body = {"model": "spark-hf", "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
        assert "Warsaw" in server.chat(body)["choices"][0]["message"]["content"]
    finally:
        server.stop()


def test_a_name_with_a_slash_at_its_end(serve, both):
    server = serve(model=f"{both[0]}/")
    try:
        assert server.request("GET", "/v1/models")[2]["data"][0]["id"] == "spark-hf"
    finally:
        server.stop()


# Defaults of the model.

def verbose(ingle, model, *flags):
    done = ingle("run", model, "Hi", "--max-tokens", 1, "--verbose", *flags)
    assert done.returncode == 0, done.stderr.decode()
    return done.stderr.decode()


def test_generation_config_sets_defaults_that_requests_replace(ingle, copy):
    model = copy()
    change(model / "generation_config.json", do_sample=True, temperature=0.6, top_p=0.9, top_k=20, min_p=0.01,
           repetition_penalty=1.1, eos_token_id=[2, 0, 7])
    shown = json.loads(output(ingle, "show", model, "--json"))
    for field, value in {"temperature": 0.6, "top_p": 0.9, "top_k": 20, "min_p": 0.01, "repetition_penalty": 1.1}.items():
        assert shown["sampling"][field] == {"value": value, "origin": "model", "key": f"generation_config.{field}"}
    # As in transformers, the penalty looks at the whole text.
    assert shown["sampling"]["repeat_last_n"]["value"] == -1
    assert shown["sampling"]["typical_p"] == {"value": 1.0, "origin": "built-in"}
    assert [t["id"] for t in shown["end_tokens"]] == [0, 2, 7]
    report = verbose(ingle, model, "--top-k", 5)
    assert re.search(r"^  temperature +0.6 +model$", report, re.M) and re.search(r"^  top_k +5 +request$", report, re.M)
    assert " 7 " in re.search(r"^end tokens .*$", report, re.M).group()


def test_stop_strings_of_the_model(ingle, copy):
    model = copy()
    change(model / "generation_config.json", stop_strings=["saw"], max_new_tokens=3)
    stop = lambda *flags: re.search(r"^stop +(.*)$", verbose(ingle, model, *flags), re.M).group(1).strip()
    assert stop() == '"saw" (model)'
    assert stop("--stop", "x") == '"x"' and "saw" not in stop("--ignore-eos")
    assert output(ingle, "run", model, QUESTION).decode().strip() == "The capital of Poland is War"
    assert "Warsaw" in output(ingle, "run", model, QUESTION, "--stop", "xyz").decode()
    assert "generation_config.max_new_tokens is not used" in verbose(ingle, model)


def test_settings_that_there_are_none_of_are_named(ingle, copy):
    model = copy()
    change(model / "generation_config.json", do_sample=None, temperature=7, num_beams=4, no_repeat_ngram_size=0,
           suppress_tokens=[3])
    report = verbose(ingle, model)
    assert "generation_config.temperature is not used" in report and "generation_config.num_beams" in report
    assert "generation_config.suppress_tokens" in report and "ngram" not in report
    assert re.search(r"^  temperature +0.8 +built-in$", report, re.M)


def test_end_tokens_of_config_json(ingle, copy):
    model = copy()
    (model / "generation_config.json").unlink()
    change(model / "config.json", eos_token_id=[2, 9])
    ends = {t["id"]: t["source"] for t in json.loads(output(ingle, "show", model, "--json"))["end_tokens"]}
    assert ends[9] == "config.eos_token_id" and 2 in ends


# Templates.

def render(ingle, model, *flags, tools=None, tmp_path=None):
    if tools is not None:
        (tmp_path / "tools.json").write_text(json.dumps(tools))
        flags += ("--tools", tmp_path / "tools.json")
    return output(ingle, "render", model, "--messages", "-", *flags, input=MESSAGES).decode()


def test_named_templates(ingle, copy, tmp_path):
    model = copy()
    change(model / "tokenizer_config.json", chat_template=[{"name": "default", "template": "plain"},
                                                           {"name": "tool_use", "template": "tools"}])
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    assert render(ingle, model) == "plain"
    assert render(ingle, model, tools=[tool], tmp_path=tmp_path) == "tools"
    shown = json.loads(output(ingle, "show", model, "--json"))
    assert shown["chat_templates"] == ["default", "tool_use"] and shown["chat_template"] == "plain"
    assert re.search(r"^  variants +default tool_use$", output(ingle, "show", model).decode(), re.M)
    # Files replace all of them.
    (model / "chat_template.jinja").write_text("from a file")
    assert render(ingle, model, tools=[tool], tmp_path=tmp_path) == "from a file"
    (model / "additional_chat_templates").mkdir()
    (model / "additional_chat_templates" / "tool_use.jinja").write_text("tools of a file")
    assert render(ingle, model, tools=[tool], tmp_path=tmp_path) == "tools of a file"
    assert render(ingle, model) == "from a file"


def test_chat_template_json_is_the_last_resort(ingle, copy):
    model = copy()
    (model / "chat_template.json").write_text(json.dumps({"chat_template": "of the processor"}))
    assert "<|im_start|>" in render(ingle, model)
    change(model / "tokenizer_config.json", chat_template=None)
    assert render(ingle, model) == "of the processor"
    (model / "chat_template.json").unlink()
    done = ingle("render", model, "--messages", "-", input=MESSAGES)
    assert done.returncode == 1 and b"has no chat template" in done.stderr
    change(model / "tokenizer_config.json", chat_template=[{"name": "default"}])
    refused(ingle, model, "tokenizer_config.json", "chat_template must be a text or a list")


def test_special_tokens_reach_the_template_as_in_transformers(ingle, copy):
    model = copy()
    (model / "chat_template.jinja").write_text(
        "{{ bos_token }}|{{ eos_token }}|{{ pad_token }}|{{ unk_token is defined }}|{{ image_token }}|"
        "{{ additional_special_tokens | join(',') }}")
    change(model / "tokenizer_config.json", additional_special_tokens=["<a>", "<b>"],
           extra_special_tokens={"image_token": "<image>"})
    assert render(ingle, model) == "<|endoftext|>|<|im_end|>|<|endoftext|>|False|<image>|<a>,<b>"
    # special_tokens_map.json wins where there is no added_tokens_decoder.
    (model / "special_tokens_map.json").write_text(json.dumps({"pad_token": {"content": "<|im_start|>"}, "unk_token": "<u>"}))
    assert render(ingle, model) == "<|endoftext|>|<|im_end|>|<|im_start|>|True|<image>|<a>,<b>"
    change(model / "tokenizer_config.json", added_tokens_decoder={"0": {"content": "<|endoftext|>", "special": True}})
    assert render(ingle, model) == "<|endoftext|>|<|im_end|>|<|endoftext|>|False|<image>|<a>,<b>"
    shown = json.loads(output(ingle, "show", model, "--json"))
    assert shown["metadata"]["tokenizer_config.added_tokens_decoder"] == "[1 values]"


def test_what_a_template_cannot_do_is_known_at_load(ingle, copy, serve):
    model = copy("poor")
    (model / "chat_template.jinja").write_text(
        "{% for m in messages %}{% if m.role == 'user' %}<|im_start|>user\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}"
        "<|im_start|>assistant\n")
    shown = json.loads(output(ingle, "show", model, "--json"))
    assert shown["template_abilities"]["tools"] == {"answer": "ignored", "detail": "not in the prompt"}
    assert any("system: not in the prompt" in warning for warning in shown["warnings"])
    server = serve(model=model)
    try:
        tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
        def warned(**body):
            reply = server.chat({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1, **body})
            return {w["code"] for w in reply.get("warnings", [])}
        assert "system_not_shown" not in warned() and "tools_not_shown" not in warned()
        assert "tools_not_shown" in warned(tools=[tool])
        assert "system_not_shown" in warned(messages=[{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}])
        assert "turns_not_shown" in warned(messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                                                     {"role": "user", "content": "c"}])
        assert "template_variable_unused" in warned(documents=[{"text": "D"}])
        assert "system: not in the prompt" in server.output()
        status, _, error = server.request("POST", "/v1/chat/completions",
                                          {"messages": [{"role": "user", "content": "Hi"}], "documents": ["D"]})
        assert status == 400 and error["error"]["param"] == "documents"
    finally:
        server.stop()


def test_documents(serve, copy):
    model = copy("rag")
    (model / "chat_template.jinja").write_text(
        "{% for d in documents %}[{{ d.text }}]{% endfor %}{{ messages[0].content }}{{ raise_exception('seen') if documents }}")
    server = serve(model=model)
    try:
        for extra in ({"documents": [{"text": "D"}]}, {"chat_template_kwargs": {"documents": [{"text": "D"}]}}):
            status, _, error = server.request("POST", "/v1/chat/completions", {"messages": json.loads(MESSAGES), **extra})
            assert status == 400 and "seen" in error["error"]["message"], error
    finally:
        server.stop()


# Refusals.

def test_missing_and_broken_files(ingle, copy, tmp_path):
    model = copy()
    (model / "tokenizer.json").unlink()
    refused(ingle, model, "copy", "no tokenizer.json", "save_pretrained")
    refused(ingle, model, "no tokenizer.json", command=("detokenize", "--tokens", "1"))
    (model / "tokenizer.json").write_text('{"version": "1.0", "model"')
    refused(ingle, model, "tokenizer.json")
    (model / "config.json").write_text("{")
    refused(ingle, model, "config.json", "not valid JSON")
    (model / "config.json").unlink()
    refused(ingle, model, "without a config.json")
    (tmp_path / "empty").mkdir()
    refused(ingle, tmp_path / "empty", "without a config.json")
    model = copy("no-weights")
    (model / "model.safetensors").unlink()
    refused(ingle, model, "no weights")


def test_shards_that_are_missing_or_elsewhere(ingle, copy):
    model = copy(sharded=True)
    (model / "model-00002-of-00003.safetensors").unlink()
    refused(ingle, model, "model-00002-of-00003.safetensors does not exist", "index.json names it")
    index = json.loads((model / "model.safetensors.index.json").read_text())
    index["weight_map"]["model.norm.weight"] = "../other/model.safetensors"
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(ingle, model, "model.norm.weight", "in something else than a .safetensors file of the directory")
    (model / "model.safetensors.index.json").write_text("[")
    refused(ingle, model, "index.json", "not valid JSON")
    done = ingle("tokenize", model, input=b"Hi")  # Needs no weights.
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("change_of,words", [
    ({"architectures": ["MambaForCausalLM"]}, ["'MambaForCausalLM'"]),
    ({"architectures": ["LlavaForConditionalGeneration"]}, ["'LlavaForConditionalGeneration'"]),
    ({"clip_qkv": 8.0}, ["'LlamaForCausalLM'", "'clip_qkv'"]),
    ({"quantization_config": {"quant_method": "bitsandbytes"}}, ["'LlamaForCausalLM'", "bitsandbytes"]),
    ({"hidden_act": "relu"}, ["'LlamaForCausalLM'", "'hidden_act'"]),
])
def test_a_model_that_cannot_run_is_refused_as_that_before_all_else(ingle, copy, change_of, words):
    model = copy()
    change(model / "config.json", **change_of)
    (model / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ bos_token }}x"}))
    # Neither its tokens nor its weights could be read, and neither is mentioned.
    (model / "model.safetensors").unlink()
    (model / "pytorch_model.bin").write_bytes(b"pickle")
    whole = (model / "tokenizer.json").read_bytes()
    (model / "tokenizer.json").write_text("{}")
    for command in (("run",), ("logits", "--tokens", "1", "-o", "-"), ("bench",)):
        text = refused(ingle, model, "not supported", "LlamaForCausalLM, ", "Qwen3MoeForCausalLM", *words,
                       command=command if len(command) > 1 else (command[0], "--json") if command[0] == "bench" else command)
        assert "tokenizer" not in text and "pickle" not in text
    # What needs the vocabulary alone goes on.
    (model / "tokenizer.json").write_bytes(whole)
    assert output(ingle, "tokenize", model, input=b"Hi")
    assert render(ingle, model) == "x"  # As in transformers: nothing spells a begin token.
    shown = json.loads(output(ingle, "show", model, "--json"))
    assert shown["runs"].startswith("no: ") and words[0].strip("'") in shown["runs"]


def test_a_head_of_its_own_that_is_missing(ingle, copy):
    model = copy()
    change(model / "config.json", tie_word_embeddings=False)
    refused(ingle, model, "'lm_head.weight' is missing", "tie_word_embeddings")
    change(model / "config.json", tie_word_embeddings=None)
    done = ingle("run", model, QUESTION)
    assert done.returncode == 0 and b"does not say 'tie_word_embeddings'" in done.stderr


def test_more_tokens_than_logits(ingle, copy):
    model = copy()
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    tokenizer["added_tokens"].append({**tokenizer["added_tokens"][0], "id": 2048, "content": "<image>", "special": True})
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    done = ingle("run", model, QUESTION)
    assert done.returncode == 0 and b"Warsaw" in done.stdout and b"2049 tokens" in done.stderr
    done = ingle("run", model, "--raw", "a <image> b")
    assert done.returncode != 0 and b"token id 2048" in done.stderr
