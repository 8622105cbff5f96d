"""ingle logits: a NumPy file, the same bits in every way to cut the steps."""
import re
import struct

TOKENS = ",".join(str(5 + i * 7 % 200) for i in range(70))


def logits(ingle, path, *flags, env=None):
    """(shape, bytes, {tier, steps, threads})."""
    done = ingle("logits", "spark", "--tokens", TOKENS, "-o", path, *flags, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b""
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00"
    length = struct.unpack("<H", data[8:10])[0]
    assert (10 + length) % 64 == 0
    header = eval(data[10:10 + length])  # A Python literal by the format's definition.
    assert header["descr"] == "<f4" and header["fortran_order"] is False
    said = re.search(rb"tier=(\S+) steps=(\d+) threads=(\d+)", done.stderr)
    return header["shape"], data[10 + length:], [part.decode() for part in said.groups()]


def test_the_same_bits_for_every_chunk_thread_count_and_neighbourhood(ingle, tmp_path):
    shape, whole, (tier, steps, _) = logits(ingle, tmp_path / "whole.npy")
    assert shape[0] == 70 and len(whole) == 4 * shape[0] * shape[1] and steps == "1"
    for flags, steps in (["--chunk", 1], 70), (["--chunk", 17], 5), (["--chunk", 69], 2):
        for more in ([], ["--threads", 1], ["--threads", 3, "--neighbours", 5]):
            _, data, said = logits(ingle, tmp_path / "x.npy", *flags, *more)
            assert data == whole, (flags, more)
            assert said[1] == str(steps)
    _, portable, (tier, _, _) = logits(ingle, tmp_path / "p.npy", env={"INGLE_FORCE_ISA": "portable"})
    assert tier == "portable" and portable == whole


def test_cache_types_are_classes_of_their_own(ingle, tmp_path):
    _, bf16, _ = logits(ingle, tmp_path / "a.npy", "--cache-type", "bf16")
    _, f32, _ = logits(ingle, tmp_path / "b.npy", "--cache-type", "f32")
    _, i8, _ = logits(ingle, tmp_path / "c.npy", "--cache-type", "i8")
    assert bf16 != f32 and i8 not in (bf16, f32)
    for flags, env in (["--chunk", 1], None), (["--threads", 3, "--neighbours", 5], None), ([], {"INGLE_FORCE_ISA": "portable"}):
        assert logits(ingle, tmp_path / "d.npy", "--cache-type", "i8", *flags, env=env)[1] == i8, (flags, env)


def test_refusals(ingle, tmp_path):
    for tokens in ("", "-1", "99999999", "a", "1,,2"):
        done = ingle("logits", "spark", "--tokens=" + tokens, "-o", tmp_path / "x.npy")
        assert done.returncode in (1, 2), tokens
    assert ingle("logits", "spark", "--tokens", "1").returncode == 2
    assert ingle("logits", "spark", "--tokens", "1", "-o", tmp_path / "no/such/folder.npy").returncode == 1
    assert not (tmp_path / "x.npy").exists()
