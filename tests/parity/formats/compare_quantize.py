#!/usr/bin/env python3
"""Compares whole files of `ingle quantize` with those of llama.cpp's own quantiser, tensor by tensor and key by key.

    pip install gguf==0.19.0 numpy && npm install node-llama-cpp@3.22.1
    compare_quantize.py --ingle build/release/ingle --llama node_modules/@node-llama-cpp/linux-x64/bins/linux-x64 MODEL.gguf ...

MODEL: F32 or F16, of an architecture that llama.cpp knows, such as `ingle convert` writes. Exit code 1 when a type or a byte
differs. (A group of weights whose scale rounds to zero may differ in bits that mean nothing; random weights have none.)"""
import argparse
import ctypes
import pathlib
import subprocess
import sys
import tempfile

from gguf import GGUFReader

# llama_ftype of llama.h.
TYPES = {"F16": 1, "BF16": 32, "Q8_0": 7, "Q4_0": 2, "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18}


QUIET = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda level, text, data: None)


class Parameters(ctypes.Structure):
    """llama_model_quantize_params of llama.h."""
    _fields_ = ([(name, ctypes.c_int32) for name in ("threads", "file_type", "output_type", "embedding_type")]
                + [(name, ctypes.c_bool) for name in ("requantize", "quantize_output", "only_copy", "pure", "keep_split", "dry")]
                + [(name, ctypes.c_void_p) for name in ("imatrix", "overrides", "types", "prune")])


def load(folder):
    """The library behind the npm package, with its processor's own kernels."""
    def find(pattern):
        return str(next(path for path in sorted(folder.glob(pattern))))
    ctypes.CDLL(find("libggml-base.so"), ctypes.RTLD_GLOBAL)
    backends = ctypes.CDLL(find("libggml.v*.so"), ctypes.RTLD_GLOBAL)
    backends.ggml_backend_load_all_from_path(ctypes.c_char_p(str(folder).encode()))
    llama = ctypes.CDLL(find("libllama.v*.so"))
    llama.llama_model_quantize_default_params.restype = Parameters
    llama.llama_log_set(QUIET, None)
    return llama


def contents(path):
    reader = GGUFReader(path)
    keys = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    return keys, {tensor.name: (tensor.tensor_type.name, tensor.data.tobytes()) for tensor in reader.tensors}


def compare(llama, ingle, model, name, folder):
    """What differs, as text."""
    ours, theirs = folder / "ours.gguf", folder / "theirs.gguf"
    subprocess.run([ingle, "quantize", model, ours, "--type", name, "--force", "-q"], check=True)
    parameters = llama.llama_model_quantize_default_params()
    parameters.file_type, parameters.threads = TYPES[name], 2
    if llama.llama_model_quantize(str(model).encode(), str(theirs).encode(), ctypes.byref(parameters)) != 0:
        return ["llama.cpp refuses it"]
    (our_keys, our_tensors), (their_keys, their_tensors) = contents(ours), contents(theirs)
    different = [key for key in our_keys | their_keys if our_keys.get(key) != their_keys.get(key)]
    for tensor in our_tensors | their_tensors:
        a, b = our_tensors.get(tensor), their_tensors.get(tensor)
        if a != b:
            different.append(f"{tensor} ({a and a[0]}, {b and b[0]})")
    return different


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ingle", required=True)
    p.add_argument("--llama", required=True, type=pathlib.Path, help="folder of libllama and libggml")
    p.add_argument("models", nargs="+", type=pathlib.Path)
    a = p.parse_args()
    llama, fine = load(a.llama), True
    with tempfile.TemporaryDirectory() as folder:
        for model in a.models:
            for name in TYPES:
                different = compare(llama, a.ingle, model, name, pathlib.Path(folder))
                fine = fine and not different
                print(f"{'FAIL' if different else 'ok  '} {model.name} {name}: {', '.join(different[:5]) or 'the same'}", flush=True)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
