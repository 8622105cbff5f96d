"""What the log says about the machine, and the canary: what it can do before and after a measurement."""
import json
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile
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


def waited_s(pid, seen):
    """Seconds for which threads of a process were ready to run while others had the CPU; `seen` keeps what ended ones had."""
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            seen[path.parent.name] = int(path.read_text().split()[1]) / 1e9
        except (OSError, IndexError):
            pass  # It has just ended.
    return sum(seen.values())


def watched(command, env, threads):
    """Runs a command: (CompletedProcess, share of the time for which its threads waited for a CPU)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin, seen, waited = time.monotonic(), {}, 0.0
        process = subprocess.Popen(command, stdout=out, stderr=err, env=env)
        while process.poll() is None:
            waited = waited_s(process.pid, seen)
            time.sleep(0.05)
        share = waited / (time.monotonic() - begin) / threads
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, process.returncode, out.read().decode(), err.read().decode()), share


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
