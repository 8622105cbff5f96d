"""The bundled model as Hugging Face would publish it (a directory) and as GGUF with the same F32 weights, for comparison."""
import json
import pathlib
import shutil
import struct
from array import array

from gguf_reader import Reader

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPARK = ROOT / "models" / "spark-q8_0.gguf"
SMALL_FILES = ROOT / "models" / "spark"  # config.json, tokenizer.json, ...: what training/export.py wrote.
F32 = 0
NAMES = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
         "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def floats(kind, data):
    """The weights of a tensor's bytes."""
    values = array("f")
    if kind == "F32":
        values.frombytes(data)
        return values
    assert kind == "Q8_0"
    for at in range(0, len(data), 34):
        scale = struct.unpack_from("<e", data, at)[0]
        values.extend([scale * q for q in struct.unpack_from("<32b", data, at + 2)])
    return values


def read_spark():
    """(the file's Reader, {name: (dims, floats)})."""
    reader = Reader(SPARK)
    return reader, {name: (dims, floats(kind, data)) for name, (kind, dims, data) in reader.tensors.items()}


def write_gguf(path, original, tensors):
    """As F32, with the keys of the original."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(original.keys)) + original.key_bytes
    at = 0
    for name, (dims, values) in tensors.items():
        head += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", len(dims))
        head += b"".join(struct.pack("<Q", d) for d in dims) + struct.pack("<IQ", F32, at)
        at += len(values) * 4 + -len(values) * 4 % 32
    with open(path, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32))
        for _, values in tensors.values():
            file.write(values.tobytes() + b"\0" * (-len(values) * 4 % 32))
    return path


def halves(values, columns, heads):
    """Rows of each head: neighbouring pairs, as GGUF has them, become halves."""
    rows = len(values) // columns
    size, out = rows // heads, array("f")
    for head in range(heads):
        for part in range(2):
            for pair in range(size // 2):
                row = head * size + 2 * pair + part
                out.extend(values[row * columns:(row + 1) * columns])
    return out


def hf_tensors(tensors):
    """{name: (shape, floats)} under transformers' names."""
    config = json.loads((SMALL_FILES / "config.json").read_text())
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    ends = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    out = {}
    for name, (dims, values) in tensors.items():
        if name in ends:
            out[ends[name]] = (dims[::-1], values)
            continue
        _, layer, kind, _ = name.split(".")
        if kind in heads:
            values = halves(values, dims[0], heads[kind])
        out[f"model.layers.{layer}.{NAMES[kind]}.weight"] = (dims[::-1], values)
    return out


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * len(values)]}
        at += 4 * len(values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors.values():
            file.write(values.tobytes())


def write_directory(path, tensors, shards=1):
    path.mkdir(parents=True, exist_ok=True)
    for file in SMALL_FILES.glob("*.json"):  # Whoever exported the model has weights there too.
        shutil.copy(file, path)
    if shards == 1:
        write_safetensors(path / "model.safetensors", tensors)
        return path
    names, index = list(tensors), {}
    for i in range(shards):
        part = {name: tensors[name] for name in names[i::shards]}
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        write_safetensors(path / file, part)
        index.update(dict.fromkeys(part, file))
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return path


def change(path, **values):
    """Sets values of a JSON file; None removes."""
    content = json.loads(path.read_text()) if path.exists() else {}
    for key, value in values.items():
        content.pop(key, None) if value is None else content.update({key: value})
    path.write_text(json.dumps(content))
