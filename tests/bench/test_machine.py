"""What the machine says about itself."""
import time

import machine


def test_cpu_seconds_of_proc_stat():
    total, busy, stolen = machine.cpu_seconds("cpu  100 10 50 800 20 5 5 10 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    ticks = machine.os.sysconf("SC_CLK_TCK")
    assert (total * ticks, busy * ticks, stolen * ticks) == (1000, 170, 10)


def test_own_work_is_not_that_of_others():
    clock, end = machine.Clock(), time.monotonic() + 0.3
    while time.monotonic() < end:
        pass
    shares = clock.shares()
    assert 0 <= shares["steal"] <= 1
    # On a machine with nothing else to do, this loop uses one CPU and nobody uses another.
    assert shares["others"] <= 1 - 0.2 / machine.os.cpu_count()


def test_facts_name_the_machine():
    facts = machine.facts("/bin/true", ".")
    assert facts["cpu"] and facts["memory_gb"] > 0 and facts["node_llama_cpp"] == ""
