#!/usr/bin/env python3
"""Seeds for pack_file_fuzz: heads as src/model/pack_file.cc writes them, behind the fuzzer's two bytes (the number of
thirds of a block of weights, and whether the file is a byte too long). The hash is that of src/base/fast_hash.cc.

    tests/corpus/make_pack_seeds.py tests/corpus/pack_file_fuzz
"""
import pathlib
import struct
import sys

BLOCK, MASK = 256 << 10, (1 << 64) - 1
SECRETS = (0x243F6A8885A308D3, 0x13198A2E03707345, 0xA4093822299F31D1, 0x082EFA98EC4E6C89, 0x452821E638D01377)


def fold(a, b):
    product = a * b
    return (product ^ product >> 64) & MASK


def fast_hash(data, seed=0):
    lanes = [(seed + secret) & MASK for secret in SECRETS[1:]]
    padded = data + bytes(-len(data) % 64)
    for at in range(0, len(padded), 64):
        words = struct.unpack_from("<8Q", padded, at)
        lanes = [fold(words[2 * i] ^ lanes[i], words[2 * i + 1] ^ SECRETS[i]) for i in range(4)]
    result = fold(len(data) ^ SECRETS[0], seed ^ SECRETS[4])
    for lane in lanes:
        result = fold(result ^ lane, (lane + SECRETS[4]) & MASK)
    return result


def head(thirds, model=(1, 2), stamp=(3, 4), kind=1):
    weights = thirds * (BLOCK // 3)
    sums = struct.pack(f"<{-(-weights // BLOCK)}Q", *range(-(-weights // BLOCK)))
    fixed = struct.pack("<8sQ4QQQ", b"inglepck", kind, *model, *stamp, weights, BLOCK)
    total = fast_hash(sums, fast_hash(fixed + bytes(8)))
    return bytes([thirds, 0]) + fixed + struct.pack("<Q", total) + sums


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in {"empty": head(0), "one": head(1), "many": head(20), "stale": head(4, stamp=(3, 5)),
                       "other": head(4, model=(1, 3)), "version": head(4, kind=2), "short": head(4)[:-1],
                       "damaged": head(4)[:-1] + b"\x55"}.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
