#!/usr/bin/env python3
"""Which folder of src/ may include which: docs/layers.txt against the code.

    tools/check_layers.py [ROOT]

Prints one line per violation and exits with 1 when there is one. A row "folder: a b" lets files of `folder` include
headers of a and b directly; the table itself may hold no cycle. Tests may also include what their folder's rows reach.
"""
import pathlib
import re
import sys

SOURCE = {".h", ".cc"}
INCLUDE = re.compile(r'\s*#\s*include\s+["<]([a-z_0-9]+)/')


def read_table(path):
    table = {}
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            folder, _, needs = line.partition(":")
            table[folder.strip()] = set(needs.split())
    return table


def table_faults(table):
    """Names in the table that are no folder of it, and cycles."""
    faults = [f"docs/layers.txt: '{folder}' names '{need}', which has no row"
              for folder, needs in table.items() for need in needs if need not in table]
    if faults:
        return faults

    def walk(folder, path):
        if folder in path:
            return ["docs/layers.txt: cycle " + " -> ".join((*path, folder))]
        return [fault for need in sorted(table[folder]) for fault in walk(need, (*path, folder))]

    return [fault for folder in table for fault in walk(folder, ())][:1]


def reachable(table, folder):
    seen, todo = set(), [folder]
    while todo:
        for need in table[todo.pop()]:
            if need not in seen:
                seen.add(need)
                todo.append(need)
    return seen


def file_faults(root, table):
    faults, count = [], 0
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in SOURCE:
            continue
        count += 1
        folder = path.relative_to(root / "src").parts[0]
        name = path.relative_to(root)
        if folder not in table:
            faults.append(f"{name}: folder {folder} has no row in docs/layers.txt")
            continue
        is_test = path.stem.endswith(("_test", "_fuzz", "_bench"))
        allowed = (reachable(table, folder) if is_test else table[folder]) | {folder}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if found and found.group(1) in table and found.group(1) not in allowed:
                faults.append(f"{name}:{number}: {folder} may not include {found.group(1)}")
    return faults if count else ["no source file found under src/"]


def check(root):
    table = read_table(root / "docs/layers.txt")
    return table_faults(table) or file_faults(root, table)


if __name__ == "__main__":
    found = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(found) or "layers: no violation")
    sys.exit(bool(found))
