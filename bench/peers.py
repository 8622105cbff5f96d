#!/usr/bin/env python3
"""Run ingle and its peers in turn on the same files and log medians, quartiles and ratios round by round.

Started by bench/peers.sh. A suite (bench/suite.py) is a list of cells: a model file, and what is done with it. A visit of
a cell is a canary, every engine in a fresh process on the same CPUs, the order rotating from round to round, and the
canary again; a process measures twice and the better pass counts (the first one warms up). Ratios compare the engines of
one visit, so a machine whose speed drifts favours none. A visit whose canary is under 85 % of the run's median, or during
which others held the CPUs, does not count and is made again, up to --retries times per cell. Everything goes into the log,
a JSON object per line; `bench/report.py` makes tables of it.
"""
import argparse
import json
import os
import pathlib
import sys
import time

import engines
import figures
import machine
import make_model
import suite


def model_file(args, cell):
    """The cell's file, written when it is missing; and whether it was."""
    if args.model:
        return pathlib.Path(args.model), False
    path = pathlib.Path(args.where) / f"{cell.stem}.gguf"
    if path.exists():
        return path, False
    shape = make_model.shape_of(cell.model, cell.layers, cell.vocab)
    size, room = make_model.file_bytes(shape, cell.type), machine.free_bytes(args.where)
    print(f"bench: writing {path}: {size / 1e9:.2f} GB (random weights, real shapes; {room / 1e9:.1f} GB are free)",
          file=sys.stderr)
    if size > room - 1e9:
        sys.exit(f"bench: {path} needs {size / 1e9:.2f} GB and a margin of 1 GB; make room or choose other cells (CELLS=)")
    part = path.with_suffix(".part")
    make_model.write_model(part, shape, cell.type, f"random {cell.stem}")
    part.rename(path)
    return path, True


def run(args, name, command, env, parse):
    done, others = machine.watched(command, env, args.cpus)
    if done.returncode:
        sys.exit(f"bench: {name}: {' '.join(command)} failed with {done.returncode}:\n{done.stderr[-2000:]}")
    try:
        return parse(done.stdout), others
    except (ValueError, KeyError) as error:
        sys.exit(f"bench: {name}: cannot read its output ({error!r}):\n{done.stdout[-2000:]}")


def visit(args, cell, all_engines, number):
    names = list(all_engines)
    order = names[number % len(names):] + names[:number % len(names)]
    before, clock = machine.canary(args.ingle, args.threads, args.cpus), machine.Clock()
    results = {name: run(args, name, *all_engines[name]) for name in order}
    return {"kind": "visit", "run": args.run, "time": time.time(), "cell": cell.name, "model": cell.stem,
            "what": cell.what, "type": cell.type, "tier": cell.tier, "threads": args.threads, "round": number,
            "order": order, "steal": clock.steal(), "others": {name: others for name, (_, others) in results.items()},
            "canaries": [before, machine.canary(args.ingle, args.threads, args.cpus)],
            "engines": {name: speeds for name, (speeds, _) in results.items()}}


class Log:
    def __init__(self, path):
        self.path, self.visits = pathlib.Path(path), []
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        self.runs = set()
        for entry in map(json.loads, lines):
            if entry.get("kind") == "visit":
                self.visits.append(entry)
            elif entry.get("kind") == "run":
                self.runs.add(entry["run"])

    def add(self, entry):
        with open(self.path, "a") as file:
            file.write(json.dumps(entry) + "\n")
        if entry["kind"] == "visit":
            self.visits.append(entry)

    def of(self, run, cell):
        return [v for v in self.visits if v["run"] == run and v["cell"] == cell.name]

    def good(self, run, cell):
        own = [v for v in self.visits if v["run"] == run]
        return [v for v in figures.counted(own) if v["cell"] == cell.name] if own else []


def measure(args, log, files):
    """Rounds over the cells of one file after another, so that no two files need room at once."""
    for cells in files.values():
        path, made = model_file(args, cells[0])
        plans = {cell: args.engines.of(cell, path) for cell in cells}
        for cell in cells:
            args.engines.prepare(cell, path)
        for number in range(args.rounds + args.retries):
            for cell in cells:
                if len(log.good(args.run, cell)) >= args.rounds or args.visits == 0:
                    continue
                args.visits -= 1
                entry = visit(args, cell, plans[cell], len(log.of(args.run, cell)))
                log.add(entry)
                why = figures.fault(entry, figures.median_canary([v for v in log.visits if v["run"] == args.run]))
                print(f"bench: {cell.name}: visit {entry['round'] + 1}" + (f" does not count: {why}" if why else ""),
                      file=sys.stderr)
        if made and not args.keep:
            print(f"bench: removing {path} (KEEP=1 keeps it)", file=sys.stderr)
            path.unlink()
        for left in path.parent.glob(path.name + ".state-*") if made and not args.keep else ():
            left.unlink()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ingle", default="build/release/ingle")
    parser.add_argument("--where", default="build/bench", help="where models and the peer's packages are")
    parser.add_argument("--log", help="default: peers.jsonl there")
    parser.add_argument("--model", help="a file of yours instead of a suite's")
    parser.add_argument("--suite", default="quick", help=", ".join(suite.SUITES))
    parser.add_argument("--cells", default="", help="only cells whose name contains this")
    parser.add_argument("--rounds", type=int, default=7, help="visits of each cell that count")
    parser.add_argument("--retries", type=int, default=5, help="visits of each cell that may be made again")
    parser.add_argument("--visits", type=int, default=-1, help="at most this many now; the same --run goes on later")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--run", default=time.strftime("%Y-%m-%d %H:%M:%S"), help="name; one that is in the log goes on")
    parser.add_argument("--keep", action="store_true", help="keep the model files that this run writes")
    args = parser.parse_args()
    args.keep |= args.suite == "quick"
    args.cpus = sorted(os.sched_getaffinity(0))[:args.threads]
    if len(args.cpus) < args.threads:
        sys.exit(f"bench: {args.threads} threads need as many CPUs; this process may use {len(args.cpus)}")
    args.log = args.log or str(pathlib.Path(args.where) / "peers.jsonl")
    return args


def main():
    args = arguments()
    args.engines = engines.Engines(args.ingle, args.where, args.threads, args.cpus)
    files = suite.cells_of_file(args.model) if args.model else suite.cells_of(args.suite, args.cells)
    log = Log(args.log)
    if args.run not in log.runs:
        log.add({"kind": "run", "run": args.run, **machine.facts(args.ingle, args.where), "threads": args.threads,
                 "cpus": args.cpus})
    measure(args, log, files)


if __name__ == "__main__":
    main()
