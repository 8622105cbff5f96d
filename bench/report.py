#!/usr/bin/env python3
"""Make the tables of docs/PERFORMANCE.md from the log of bench/peers.py and bench/http_load.py.

    bench/report.py --log docs/performance.jsonl --write docs/PERFORMANCE.md   between the markers of each table
    bench/report.py --log build/bench/peers.jsonl --print                      all tables, to read

A marker is a line `<!-- table: NAME -->`; what is between it and the next `<!-- end -->` is replaced. Only visits count
whose canary is good (bench/figures.py). Needs nothing but Python.
"""
import argparse
import json
import pathlib
import re
import sys

import figures

PACKAGE = "llama.cpp"  # The npm package: what anybody can compare with.
PEERS = {PACKAGE: "npm package", "llama.cpp llama-bench": "llama-bench", "ik_llama.cpp llama-bench": "ik_llama.cpp",
         "ik_llama.cpp llama-bench -rtr": "ik_llama.cpp -rtr"}
BATCHED = {"llama.cpp batched": "llama-batched-bench", "ik_llama.cpp batched": "ik_llama.cpp"}
MARKER = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(<!-- end -->)", re.S)


def load(path, runs=()):
    entries = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    return [entry for entry in entries if entry.get("kind") and (not runs or entry["run"] in runs)]


def digits(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def median(values):
    return digits(figures.quartiles(values)[1]) if values else "-"


def spread(values):
    """Median and quartiles of ratios."""
    if not values:
        return "-"
    low, middle, high = figures.quartiles(values)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def by_cell(visits, what, tier):
    cells = {}
    for visit in visits:
        if visit["what"] == what and bool(visit["tier"]) == tier:
            cells.setdefault(visit["cell"], []).append(visit)
    return cells


def speeds(visits, name, metric):
    return [v["engines"][name][metric] for v in visits if v["engines"].get(name, {}).get(metric)]


def beside(visits, metric):
    """Beside the package."""
    return [median(speeds(visits, "ingle", metric)), median(speeds(visits, PACKAGE, metric)),
            spread(figures.ratios(visits, "ingle", [PACKAGE], metric))]


def single_table(visits, tier=False):
    rows = []
    for own in by_cell(visits, "single", tier).values():
        name = own[0]["model"] + (f", {own[0]['tier']}" if tier else "")
        rows.append([name, *beside(own, "prefill"), *beside(own, "decode"), len(own)])
    titles = ["file", "prefill: ingle", "llama.cpp", "ratio", "decode: ingle", "llama.cpp", "ratio", "visits"]
    return table(titles, rows)


def builds_table(visits):
    """Beside builds for this very processor, where a visit had them; the ratio is to the best of all peers."""
    rows = []
    for own in by_cell(visits, "single", False).values():
        own = [v for v in own if len(v["engines"].keys() & PEERS.keys()) > 1]
        for metric in ("prefill", "decode") if own else ():
            rows.append([own[0]["model"], metric, *(median(speeds(own, name, metric)) for name in ("ingle", *PEERS)),
                         spread(figures.ratios(own, "ingle", PEERS, metric)), len(own)])
    return table(["file", "", "ingle", *PEERS.values(), "ingle / best of these", "visits"], rows)


def depth_table(visits):
    rows = [[own[0]["model"], *beside(own, "decode"), len(own)] for own in by_cell(visits, "depth", False).values()]
    return table(["file", "decode at 8192 tokens: ingle", "llama.cpp", "ratio", "visits"], rows)


def step_cost(visits, count):
    """Time of a step of `count` sequences over that of one, visit by visit."""
    pairs = [(v["engines"]["ingle x1"]["decode"], v["engines"][f"ingle x{count}"]["decode"]) for v in visits]
    return [count * one / many for one, many in pairs]


def steps_table(visits):
    rows = []
    for own in by_cell(visits, "steps", False).values():
        batched = [median(speeds(own, name, "decode 16")) for name in BATCHED]
        all_speeds = [median(speeds(own, f"ingle x{count}", "decode")) for count in (1, 8, 16)]
        rows.append([own[0]["model"], *all_speeds, spread(step_cost(own, 8)), spread(step_cost(own, 16)),
                     *batched, len(own)])
    return table(["file", "1 sequence", "8", "16", "step of 8 / step of 1", "step of 16 / step of 1",
                  *(f"16 with {name}" for name in BATCHED.values()), "visits"], rows)


def http_table(entries):
    rows = []
    for server, model in dict.fromkeys((e["server"], e["model"]) for e in entries):
        own = [e for e in entries if (e["server"], e["model"]) == (server, model)]
        rows.append([server, model, f"{own[0]['clients']}", median([e["tokens_per_second"] for e in own]),
                     median([e["bench_tokens_per_second"] for e in own if "bench_tokens_per_second" in e]),
                     spread([e["ratio"] for e in own if "ratio" in e]), median([e["first_token_p50_s"] for e in own]),
                     median([e["first_token_p99_s"] for e in own]), median([e["gap_p50_s"] * 1e3 for e in own]),
                     median([e["gap_p99_s"] * 1e3 for e in own]), len(own)])
    return table(["server", "file", "clients", "tokens/s", "`ingle bench`", "ratio", "first token p50 s", "p99 s",
                  "gap p50 ms", "p99 ms", "rounds"], rows)


def rest_table(entries):
    """bench/token_rest.py"""
    rows = []
    for model, clients in dict.fromkeys((e["model"], count) for e in entries for count in e["rest"]):
        own = [e["rest"][clients] for e in entries if e["model"] == model and clients in e["rest"]]
        column = lambda key: [rest[key] for rest in own]
        low, middle, high = figures.quartiles([100 * share for share in column("rest")])
        rows.append([model, clients, median(column("step_ms")), median(column("outside_model_ms")),
                     median(column("other_threads_ms")), f"{middle:.1f} % ({low:.1f} to {high:.1f})", len(own)])
    return table(["file", "clients", "step ms", "of it outside the model ms", "CPU of other threads ms", "rest of a token",
                  "rounds"], rows)


def machine_text(entries, visits, good):
    lines = []
    for run in [e for e in entries if e["kind"] == "run"]:
        canaries = [c for v in good if v["run"] == run["run"] for c in v["canaries"]]
        if not canaries:
            continue
        reads = figures.quartiles([c["usual_read_gb_per_second"] for c in canaries])
        products = figures.quartiles([c["usual_integer_gmac_per_second"] for c in canaries])
        all_of = [v for v in visits if v["run"] == run["run"]]
        counted = sum(v["run"] == run["run"] for v in good)
        lines.append(f"- Run {run['run']}: {run['cpu']} (family {run['family']}, model {run['cpu_model']}; "
                     f"{', '.join(run['flags'])}), {run['threads']} threads, commit {run['commit']}"
                     f"{' with changes' if run['changed'] else ''}, node-llama-cpp {run['node_llama_cpp']}. "
                     f"Canaries: reading {reads[1]:.1f} GB/s ({reads[0]:.1f} to {reads[2]:.1f}), int8 products {products[1]:.0f} GMAC/s "
                     f"({products[0]:.0f} to {products[2]:.0f}). {counted} of {len(all_of)} visits count.")
    return "\n".join(lines)


def tables(entries):
    visits = [e for e in entries if e["kind"] == "visit"]
    good = figures.counted(visits)
    return {"machine": machine_text(entries, visits, good), "single": single_table(good),
            "builds": builds_table(good), "depth": depth_table(good),
            "steps": steps_table(good), "tiers": single_table(good, tier=True),
            "http": http_table([e for e in entries if e["kind"] == "http"]),
            "rest": rest_table([e for e in entries if e["kind"] == "http" and "rest" in e])}


def fill(text, made):
    """The document with every marked table replaced; a marker without a table is a mistake."""
    for _, name, _ in MARKER.findall(text):
        if name not in made:
            sys.exit(f"report: there is no table '{name}'; there are {', '.join(made)}")
    return MARKER.sub(lambda m: f"{m[1]}\n{made[m[2]]}\n\n{m[3]}", text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", required=True)
    parser.add_argument("--run", action="append", default=[], help="only this run; may be given again")
    parser.add_argument("--write", help="document whose marked tables are replaced")
    parser.add_argument("--print", action="store_true")
    args = parser.parse_args()
    entries = load(args.log, args.run)
    made = tables(entries)
    visits = [e for e in entries if e["kind"] == "visit"]
    if visits and not figures.counted(visits):
        why = figures.fault(visits[-1], figures.median_canary(visits))
        print(f"report: none of {len(visits)} visits counts, the last one because of: {why}", file=sys.stderr)
    if args.write:
        path = pathlib.Path(args.write)
        path.write_text(fill(path.read_text(), made))
    if args.print:
        for name, text in made.items():
            if text.count("\n") != 1:  # A table without rows.
                print(f"{name}\n\n{text}\n")


if __name__ == "__main__":
    main()
