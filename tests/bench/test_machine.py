"""What the machine says about itself, and about processes on it."""
import os
import subprocess
import sys

import machine


def test_cpu_seconds_of_proc_stat():
    total, stolen = machine.cpu_seconds("cpu  100 10 50 800 20 5 5 10 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    ticks = os.sysconf("SC_CLK_TCK")
    assert (total * ticks, stolen * ticks) == (1000, 10)
    assert 0 <= machine.Clock().steal() <= 1


def test_busy_seconds_of_some_cpus():
    text = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 10 50 800 20 5 5 10 0 0\ncpu1 1 1 1 700 1 1 1 1 0 0\ncpu10 7 7 7 7 7 7 7 7 0 0\n"
    ticks = os.sysconf("SC_CLK_TCK")
    assert machine.busy_seconds(text, [0]) * ticks == 170
    assert machine.busy_seconds(text, [0, 1]) * ticks == 175


WORK = "import time\nt = time.time() + 0.8\nwhile time.time() < t: pass"


def test_what_others_used_is_counted():
    cpu = min(os.sched_getaffinity(0))
    other = subprocess.Popen(["taskset", "-c", str(cpu), sys.executable, "-c", WORK])
    done, others = machine.watched(["taskset", "-c", str(cpu), sys.executable, "-c", WORK + "\nprint('done')"], None, [cpu])
    other.wait()
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert 0.1 < others <= 1.0


def test_the_output_and_the_end_of_what_is_watched():
    done, others = machine.watched(["sh", "-c", "sleep 0.1; echo no >&2; exit 3"], None, [min(os.sched_getaffinity(0))])
    assert (done.returncode, done.stderr) == (3, "no\n")
    assert others >= 0.0


def test_facts_name_the_machine():
    facts = machine.facts("/bin/true", ".")
    assert facts["cpu"] and facts["memory_gb"] > 0 and facts["node_llama_cpp"] == ""
