"""What the machine says about itself, and about processes on it."""
import os
import sys

import machine


def test_cpu_seconds_of_proc_stat():
    total, stolen = machine.cpu_seconds("cpu  100 10 50 800 20 5 5 10 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    ticks = os.sysconf("SC_CLK_TCK")
    assert (total * ticks, stolen * ticks) == (1000, 10)
    assert 0 <= machine.Clock().steal() <= 1


def test_threads_that_share_a_cpu_wait_for_it():
    loop = "import os, threading\nos.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n" \
        "import subprocess, sys\nwork = 'import time\\nt = time.time() + 0.8\\nwhile time.time() < t: pass'\n" \
        "other = subprocess.Popen([sys.executable, '-c', work])\nexec(work)\nother.wait()\nprint('done')"
    done, waited = machine.watched([sys.executable, "-c", loop], None, 1)
    assert done.returncode == 0 and done.stdout == "done\n"
    assert 0.1 < waited <= 1.0


def test_a_process_that_sleeps_does_not_wait():
    done, waited = machine.watched(["sh", "-c", "sleep 0.3; echo no >&2; exit 3"], None, 1)
    assert (done.returncode, done.stderr) == (3, "no\n")
    assert waited < 0.2


def test_facts_name_the_machine():
    facts = machine.facts("/bin/true", ".")
    assert facts["cpu"] and facts["memory_gb"] > 0 and facts["node_llama_cpp"] == ""
