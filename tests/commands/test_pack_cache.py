"""ingle run --pack-cache: the second start reads packed weights, with the same bytes; whatever is wrong with the cache
is named, and packed anew."""
import os
import resource
import shutil
import subprocess
import time

import pytest

from conftest import BINARY, ROOT

ARGUMENTS = ["Tell me a story.", "--seed", "3", "--max-tokens", "20", "--temperature", "2", "--ignore-eos", "--verbose"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A copy that has been left alone for long enough to be cached."""
    path = tmp_path_factory.mktemp("model") / "model.gguf"
    shutil.copy(ROOT / "models/spark-q8_0.gguf", path)
    time.sleep(2.1)
    return path


@pytest.fixture(scope="module")
def plain(model):
    return run(model)[0]


def run(model, folder=None, **options):
    """The text, and stderr."""
    cache = [] if folder is None else ["--pack-cache", folder]
    done = subprocess.run([BINARY, "run", model, *ARGUMENTS, *cache], capture_output=True, timeout=300, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.decode()


def used(report):
    return "the weights from the pack cache" in report


def test_the_second_start_uses_the_cache_and_answers_the_same(model, plain, tmp_path):
    folder = tmp_path / "packs"
    first, report = run(model, folder)
    assert first == plain and "wrote the pack cache" in report and not used(report)
    [path] = folder.iterdir()
    assert path.suffix == ".pack" and path.stat().st_mode & 0o777 == 0o600 and folder.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_size < model.stat().st_size * 1.2 + (4 << 20)
    second, report = run(model, folder)
    assert second == plain and used(report) and "wrote" not in report
    for tier in ("portable", "avx2"):
        text, report = run(model, folder, env={**os.environ, "INGLE_FORCE_ISA": tier})
        assert text == plain and used(report)
    text, report = run(model, env={**os.environ, "INGLE_PACK_CACHE": str(folder)})
    assert text == plain and used(report)
    assert [path] == list(folder.iterdir())


def test_without_verbose_nothing_is_said_of_a_cache_that_works(model, tmp_path):
    for _ in range(2):
        done = subprocess.run([BINARY, "run", model, "Hi", "--quiet", "--max-tokens", "2", "--pack-cache", tmp_path / "a"],
                              capture_output=True, timeout=300)
        said = [line for line in done.stderr.decode().splitlines() if "waiting until the pack cache" not in line]
        assert done.returncode == 0 and said == []


def test_a_changed_model_is_packed_anew_though_size_and_time_are_the_same(model, plain, tmp_path):
    folder, changed = tmp_path / "packs", tmp_path / "changed.gguf"
    shutil.copy(model, changed)
    time.sleep(2.1)
    run(changed, folder)
    before = changed.stat()
    with open(changed, "r+b") as file:  # Weights move by some blocks of Q8_0.
        file.seek(before.st_size // 2)
        weights = file.read(34 * 2000)
        file.seek(before.st_size // 2 + 34 * 300)
        file.write(weights)
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = changed.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    without, _ = run(changed)
    text, report = run(changed, folder)
    assert text == without != plain and not used(report) and "changed" in report
    time.sleep(2.1)
    run(changed, folder)
    text, report = run(changed, folder)
    assert text == without and used(report)


@pytest.mark.parametrize("change, words", [
    (lambda path: os.truncate(path, path.stat().st_size - 4096), "truncated"),
    (lambda path: path.write_bytes(b""), "truncated"),
    (lambda path: path.write_bytes(os.urandom(path.stat().st_size)), "no pack cache of this version"),
    (lambda path: overwrite(path, 40), "fails its checksum"),
    (lambda path: overwrite(path, path.stat().st_size // 2), "weights fail a checksum"),
    (lambda path: path.chmod(0o666), "written by others"),
])
def test_a_damaged_cache_is_named_and_made_anew(model, plain, tmp_path, change, words):
    run(model, tmp_path / "packs")
    [path] = (tmp_path / "packs").iterdir()
    change(path)
    text, report = run(model, tmp_path / "packs")
    assert text == plain and words in report and "made anew" in report and "wrote the pack cache" in report
    text, report = run(model, tmp_path / "packs")
    assert text == plain and used(report)


def overwrite(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def test_a_full_disk_and_folders_that_cannot_be_used_are_warnings(model, plain, tmp_path):
    text, report = run(model, tmp_path / "full",
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
    assert text == plain and "without a pack cache of this model" in report and "File too large" in report
    assert list((tmp_path / "full").iterdir()) == []
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", "/proc/nowhere"):
        text, report = run(model, folder)
        assert text == plain and "ingle: without a pack cache: " in report
    (tmp_path / "open").mkdir(mode=0o700)
    (tmp_path / "open").chmod(0o777)
    assert "others may write" in run(model, tmp_path / "open")[1]


def test_first_loads_at_once_are_safe(model, plain, tmp_path):
    command = [BINARY, "run", model, *ARGUMENTS, "--pack-cache", tmp_path / "packs"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    for process in running:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0 and out == plain and b"without" not in err and b"anew" not in err
    assert len(list((tmp_path / "packs").iterdir())) == 1
    assert used(run(model, tmp_path / "packs")[1])


def test_a_killed_writer_leaves_nothing(model, tmp_path):
    folder = tmp_path / "packs"
    for _ in range(5):
        process = subprocess.Popen([BINARY, "run", model, *ARGUMENTS, "--pack-cache", folder],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for line in process.stderr:
            if b"writing the pack cache" in line:
                break
        process.kill()
        process.wait()
        process.stderr.close()
        assert all(path.suffix == ".pack" for path in folder.iterdir())


def test_bench_takes_part(ingle, model, tmp_path):
    for _ in range(2):
        done = ingle("bench", model, "--prompt", 8, "--generate", 2, "--repeat", 1, "--pack-cache", tmp_path / "packs")
        assert done.returncode == 0
    assert b"the weights from the pack cache" in done.stderr
