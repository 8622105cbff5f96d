"""ingle serve --pack-cache: the worker keeps packed weights, and the next one, restarted or new, begins with them."""
import os
import signal
import subprocess

from fake_server import wait_until

ASK = {"messages": [{"role": "user", "content": "Tell me a story."}], "seed": 3, "temperature": 2, "max_tokens": 20,
       "ignore_eos": True}


def answer(server):
    return server.chat(ASK)["choices"][0]["message"]["content"]


def worker_of(server):
    out = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=False).stdout
    return int(out.split()[0]) if out.split() else None


def test_a_restarted_worker_and_a_second_server_read_the_cache(serve, tmp_path):
    folder = tmp_path / "packs"
    plain = answer(serve())
    first = serve("--pack-cache", folder, "--pack-cache-gb", 1)
    assert answer(first) == plain
    wait_until(lambda: "wrote the pack cache" in first.output())
    [path] = folder.iterdir()
    assert "the weights from the pack cache" not in first.output()
    killed = worker_of(first)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: worker_of(first) not in (None, killed))
    assert answer(first) == plain
    assert f"the weights from the pack cache {path}" in first.output()
    second = serve(env={"INGLE_PACK_CACHE": str(folder)})
    assert answer(second) == plain and f"the weights from the pack cache {path}" in second.output()


def test_a_damaged_cache_is_named_on_stderr_and_nothing_else_happens(serve, tmp_path):
    folder = tmp_path / "packs"
    first = serve("--pack-cache", folder)
    wait_until(lambda: "wrote the pack cache" in first.output())
    plain = answer(first)
    [path] = folder.iterdir()
    path.write_bytes(b"ingle")
    second = serve("--pack-cache", folder)
    assert answer(second) == plain
    assert "is truncated" in second.output() and "it is made anew" in second.output()
    wait_until(lambda: "wrote the pack cache" in second.output())
    assert path.stat().st_size > 1 << 20
