"""What the log says about the machine, and the canary: what it can do before and after a measurement."""
import json
import os
import pathlib
import platform
import resource
import shutil
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16")


def free_bytes(folder):
    return shutil.disk_usage(folder).free


def canary(ingle, threads, cpus):
    """Reading of memory and multiplying from registers, by `ingle bench --limits` on the measured CPUs."""
    pin = ["taskset", "-c", ",".join(map(str, cpus))]
    done = subprocess.run(pin + [str(ingle), "bench", "--limits", "--threads", str(threads), "--json"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench: the canary failed with {done.returncode}:\n{done.stderr[-1000:]}")
    return json.loads(done.stdout)


def cpu_seconds(text):
    """/proc/stat, of all CPUs together: seconds in all, and those taken by other virtual machines."""
    user, nice, system, idle, waiting, interrupts, soft, stolen = map(int, text.splitlines()[0].split()[1:9])
    busy = user + nice + system + interrupts + soft
    return [ticks / os.sysconf("SC_CLK_TCK") for ticks in (busy + idle + waiting + stolen, stolen)]


class Clock:
    """Which share of the CPUs' time went to other virtual machines since the start."""

    def __init__(self):
        self.before = self._read()

    @staticmethod
    def _read():
        return cpu_seconds(pathlib.Path("/proc/stat").read_text())

    def steal(self):
        total, stolen = (now - then for now, then in zip(self._read(), self.before))
        return stolen / max(total, 1e-9)


def busy_seconds(text, cpus):
    """/proc/stat, of some CPUs together: seconds for which they worked."""
    fields = [line.split() for line in text.splitlines()]
    own = [list(map(int, rest[:7])) for name, *rest in fields if name in {f"cpu{cpu}" for cpu in cpus}]
    return sum(user + nice + system + interrupts + soft for user, nice, system, _, _, interrupts, soft in own) / \
        os.sysconf("SC_CLK_TCK")


def own_seconds():
    """CPU time of all processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def watched(command, env, cpus):
    """Runs a command that uses these CPUs: (CompletedProcess, share of their time that anything else used meanwhile)."""
    stat = pathlib.Path("/proc/stat")
    begin, busy, own = time.monotonic(), busy_seconds(stat.read_text(), cpus), own_seconds()
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    others = busy_seconds(stat.read_text(), cpus) - busy - (own_seconds() - own)
    return done, max(others, 0.0) / (time.monotonic() - begin) / len(cpus)


def said(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    except OSError:
        return ""


def facts(ingle, where):
    info = pathlib.Path("/proc/cpuinfo").read_text()
    field = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in info.splitlines() if ":" in line}
    present = set(field.get("flags", "").split())
    package = pathlib.Path(where) / "node_modules/node-llama-cpp/package.json"
    return {
        "cpu": field.get("model name", platform.processor()),
        "family": field.get("cpu family"),
        "cpu_model": field.get("model"),
        "flags": [flag for flag in FLAGS if flag in present],
        "kernel": platform.release(),
        "cpus_online": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "commit": said(["git", "rev-parse", "--short", "HEAD"]),
        "changed": bool(said(["git", "status", "--porcelain", "-uno"])),
        "ingle": said([os.path.abspath(ingle), "--version"]),
        "node_llama_cpp": json.loads(package.read_text())["version"] if package.exists() else "",
    }
