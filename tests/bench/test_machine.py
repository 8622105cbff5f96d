"""What the machine says about itself."""
import time

import machine


def test_cpu_seconds_of_proc_stat():
    total, busy, stolen = machine.cpu_seconds("cpu  100 10 50 800 20 5 5 10 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    ticks = machine.os.sysconf("SC_CLK_TCK")
    assert (total * ticks, busy * ticks, stolen * ticks) == (1000, 170, 10)


def test_own_work_is_not_that_of_others(monkeypatch):
    readings = iter([[100.0, 50.0, 1.0, 30.0], [110.0, 58.0, 1.5, 36.0]])
    monkeypatch.setattr(machine.Clock, "_read", staticmethod(lambda: next(readings)))
    assert machine.Clock().shares() == {"steal": 0.05, "others": 0.2}


def test_the_clock_reads_this_machine():
    clock, end = machine.Clock(), time.process_time() + 0.2
    while time.process_time() < end:
        pass
    total, busy, stolen, own = (now - then for now, then in zip(clock._read(), clock.before))
    assert own >= 0.19 and total >= busy and stolen >= 0


def test_facts_name_the_machine():
    facts = machine.facts("/bin/true", ".")
    assert facts["cpu"] and facts["memory_gb"] > 0 and facts["node_llama_cpp"] == ""
