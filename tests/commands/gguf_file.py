"""A minimal writer of GGUF files without tensors, for commands that look at the vocabulary only."""
import struct

STRING, ARRAY, UINT32, INT32, BOOL = 8, 9, 4, 5, 7


def _string(text):
    data = text.encode(errors="surrogateescape")  # "\udcff" is the byte 255.
    return struct.pack("<Q", len(data)) + data


def _value(value):
    if isinstance(value, bool):
        return struct.pack("<I?", BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", UINT32, value)
    if isinstance(value, str):
        return struct.pack("<I", STRING) + _string(value)
    if value and isinstance(value[0], int):
        return struct.pack("<IIQ", ARRAY, INT32, len(value)) + b"".join(struct.pack("<i", v) for v in value)
    return struct.pack("<IIQ", ARRAY, STRING, len(value)) + b"".join(map(_string, value))


def write(path, metadata):
    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(metadata))
    for key, value in metadata.items():
        out += _string(key) + _value(value)
    path.write_bytes(out + b"\0" * (-len(out) % 32))
    return path


def byte_characters():
    """GPT-2's spelling of each byte as a printable character."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    spelled = {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(others)}
    return [spelled[b] for b in range(256)]


CHATML = ("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
          "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")


def vocabulary_only(path, **extra):
    """Token b is byte b; then "he" by the merge h e, and three control tokens."""
    return write(path, {
        "general.architecture": "an-architecture-nobody-knows",
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": byte_characters() + ["he", "<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        "tokenizer.ggml.token_type": [1] * 257 + [3] * 3,
        "tokenizer.ggml.merges": ["h e"],
        "tokenizer.ggml.eos_token_id": 259,
        "tokenizer.ggml.bos_token_id": 257,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.chat_template": CHATML,
        **extra})
