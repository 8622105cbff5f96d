"""What the log says about the machine, and the canary: what it can do before and after a measurement."""
import json
import os
import pathlib
import platform
import resource
import shutil
import subprocess

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
    """/proc/stat, of all CPUs together: seconds in all, at work, and taken by other machines."""
    user, nice, system, idle, waiting, interrupts, soft, stolen = map(int, text.splitlines()[0].split()[1:9])
    busy = user + nice + system + interrupts + soft
    return [ticks / os.sysconf("SC_CLK_TCK") for ticks in (busy + idle + waiting + stolen, busy, stolen)]


class Clock:
    """What the CPUs did since the start, as shares of their time."""

    def __init__(self):
        self.before = self._read()

    @staticmethod
    def _read():
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        own = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        return [*cpu_seconds(pathlib.Path("/proc/stat").read_text()), own]

    def shares(self):
        """steal: for other virtual machines; others: for programs of this one that are not measured."""
        total, busy, stolen, own = (now - then for now, then in zip(self._read(), self.before))
        total = max(total, 1e-9)
        return {"steal": stolen / total, "others": max(0.0, (busy - own) / total)}


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
