"""What a token costs besides the model's step: sampling, text, gRPC, HTTP. Of a running `ingle serve`.

A step of the engine is the model, and what the engine's thread does before and after it (planning, sampling, text, stop
strings, events): both are counters of /metrics. All else is done by other threads while the next step runs: their time
on the CPUs comes from the kernel, and is taken from the model's threads where these have all CPUs. So

    rest = (outside the model + CPU time of the other threads / threads of the model) / step

is what a token would gain if all of that were free. Counted between the moment when every client has its first token and
the first client's end, so that no step holds a prompt.
"""
import pathlib
import re
import urllib.request

TEAM = ("ingle-team", "ingle-engine")


def cpu_seconds(pids):
    """Of all threads but the model's."""
    seconds = 0.0
    for task in (task for pid in pids for task in pathlib.Path(f"/proc/{pid}/task").iterdir()):
        try:
            if (task / "comm").read_text().strip() not in TEAM:
                seconds += int((task / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            pass  # It has just ended.
    return seconds


def worker_of(gateway):
    tasks = pathlib.Path(f"/proc/{gateway}/task").glob("*/children")
    (worker,) = [int(pid) for task in tasks for pid in task.read_text().split()]
    return worker


def metrics(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as reply:
        text = reply.read().decode()
    found = re.findall(r"^ingle_worker_(steps|step_seconds|model_seconds)_total ([0-9.]+)$", text, re.M)
    return {name: float(value) for name, value in found}


class Meter:
    """begin and end are for crowd()."""

    def __init__(self, port, gateway, threads):
        self.port, self.pids, self.threads = port, (gateway, worker_of(gateway)), threads
        self.marks = []

    def mark(self):
        self.marks.append({**metrics(self.port), "cpu": cpu_seconds(self.pids)})

    def figures(self):
        if len(self.marks) != 2:
            raise SystemExit("http: a client ended before all had begun; generate more tokens")
        before, after = self.marks
        steps = after["steps"] - before["steps"]
        step, model, cpu = ((after[key] - before[key]) / steps * 1e3 for key in ("step_seconds", "model_seconds", "cpu"))
        return {"steps": steps, "step_ms": step, "outside_model_ms": step - model, "other_threads_ms": cpu,
                "rest": (step - model + cpu / self.threads) / step}
