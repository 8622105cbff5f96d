"""The bundled model as Hugging Face would publish it (a directory) and as GGUF with the same F32 weights, for comparison."""
import json
import pathlib
import shutil
import struct
from array import array

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPARK = ROOT / "models" / "spark-q8_0.gguf"
SMALL_FILES = ROOT / "models" / "spark"  # config.json, tokenizer.json, ...: what training/export.py wrote.
F32, Q8_0 = 0, 8
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # Of GGUF's kinds of values.
NAMES = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
         "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value = struct.unpack_from("<" + form, self.data, self.at)[0]
        self.at += struct.calcsize("<" + form)
        return value

    def text(self):
        length = self.take("Q")
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def skip(self, kind):
        if kind == 8:
            self.text()
        elif kind == 9:
            inner, count = self.take("I"), self.take("Q")
            for _ in range(count):
                self.skip(inner)
        else:
            self.at += SIZES[kind]


def dequantize(data, count, kind):
    """An array of floats."""
    values = array("f")
    if kind == F32:
        values.frombytes(data[:4 * count])
        return values
    assert kind == Q8_0
    for at in range(0, count // 32 * 34, 34):
        scale = struct.unpack_from("<e", data, at)[0]
        values.extend([scale * q for q in struct.unpack_from("<32b", data, at + 2)])
    return values


def read_spark():
    """(bytes of the keys and their number, {name: (dims, floats)})."""
    reader = Reader(SPARK.read_bytes())
    assert reader.take("4s") == b"GGUF" and reader.take("I") == 3
    tensors, keys = reader.take("Q"), reader.take("Q")
    begin = reader.at
    for _ in range(keys):
        reader.text()
        reader.skip(reader.take("I"))
    raw_keys = reader.data[begin:reader.at]
    infos = []
    for _ in range(tensors):
        name, dims = reader.text(), [reader.take("Q") for _ in range(reader.take("I"))]
        infos.append((name, dims, reader.take("I"), reader.take("Q")))
    base = -(-reader.at // 32) * 32
    found = {}
    for name, dims, kind, offset in infos:
        count = dims[0] * (dims[1] if len(dims) > 1 else 1)
        found[name] = (dims, dequantize(reader.data[base + offset:base + offset + 4 * count], count, kind))
    return (raw_keys, keys), found


def write_gguf(path, keys, tensors):
    """As F32, with the keys of the original."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), keys[1]) + keys[0]
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
