"""A server beside other programs: it sleeps when it has nothing to do, and takes no more of the machine than it may."""
import json
import os
import pathlib
import subprocess
import time

import pytest

from fake_server import BINARY

ASK = {"messages": [{"role": "user", "content": "Hello!"}], "ignore_eos": True, "max_tokens": 60, "seed": 7}
IDLE_S = 3
IDLE_SHARE_MOST = 0.05  # Of one CPU; a thread that spins takes a whole one.


def processes(server):
    gateway = server.process.pid
    tasks = pathlib.Path(f"/proc/{gateway}/task").glob("*/children")
    return [gateway, *(int(pid) for task in tasks for pid in task.read_text().split())]


def cpu_seconds(pids):
    stats = [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(ticks) for stat in stats for ticks in stat[11:13]) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("threads", [1, 4])
def test_an_idle_server_sleeps(serve, threads):
    server = serve("--threads", threads)
    assert len(processes(server)) == 2, "gateway and worker"
    server.chat(ASK)  # Whatever wakes up with the first answer has done so.
    time.sleep(0.5)
    before = cpu_seconds(processes(server))
    time.sleep(IDLE_S)
    assert cpu_seconds(processes(server)) - before < IDLE_SHARE_MOST * IDLE_S


def test_more_threads_than_processors_give_the_same_answer(serve):
    wide = serve("--threads", 4).chat(ASK)["choices"]
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(own)})  # The server inherits it.
    try:
        server = serve("--threads", 4)
    finally:
        os.sched_setaffinity(0, own)
    for pid in processes(server):
        assert os.sched_getaffinity(pid) == {min(own)}
    assert server.chat(ASK)["choices"] == wide


def test_the_default_number_of_threads_follows_the_affinity_mask():
    def threads(cpus):
        command = ["taskset", "-c", ",".join(map(str, cpus)), str(BINARY), "bench", "--limits", "--json"]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["threads"]
    own = sorted(os.sched_getaffinity(0))
    assert threads(own[:1]) == 1
    assert 1 <= threads(own) <= len(own), "cores, which hyper-threads share, and no more than a control group allows"
