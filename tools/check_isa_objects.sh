#!/bin/sh
# check_isa_objects.sh BUILD_DIR: compiles every file under src/kernels/<instruction set>/ as BUILD_DIR does, but
# unoptimised (inlining would hide what would leak), and checks that its object exports its table and nothing else, and
# nothing weak: a weak function compiled for AVX-512 may replace the portable one of the same name at link time.
set -eu
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 - "$build/compile_commands.json" >"$work/commands" <<'PYTHON'
import json, re, shlex, sys
for entry in json.load(open(sys.argv[1])):
    match = re.search(r"/src/kernels/(\w+)/(\w+)\.cc$", entry["file"])
    if not match or match[2].endswith(("_test", "_bench", "_fuzz")):
        continue
    words = shlex.split(entry["command"])
    if words[0].endswith("ccache"):
        words = words[1:]
    drop = words.index("-o")
    words = words[:drop] + words[drop + 2:]
    words = [w for w in words if not re.match(r"-O|-g|-fsanitize|-fno-sanitize|-fprofile|--coverage|-M", w)
             and not w.endswith((".o.d", ".cc.o"))]
    name = match[1] + "_" + match[2]
    print("cd", shlex.quote(entry["directory"]), "&&", shlex.join(words + ["-O0"]), "-o", name + ".o")
PYTHON

objects=0 faults=0
while read -r command; do
  name=${command##* -o }
  case $name in portable_*) continue ;; esac  # Compiled like everything else: nothing to leak.
  command="${command% -o *} -o $work/$name"
  sh -c "$command"
  objects=$((objects + 1))
  exported=$(nm --defined-only -g "$work/$name" | wc -l)
  weak=$(nm "$work/$name" | grep -c ' [WwVvu] ' || true)
  if [ "$exported" != 1 ] || [ "$weak" != 0 ]; then
    echo "$name exports $exported symbols, $weak of them weak; one table is allowed:"
    nm -C --defined-only -g "$work/$name"
    faults=$((faults + 1))
  fi
done <"$work/commands"

[ "$objects" -gt 0 ] || { echo "no kernel object found in $build/compile_commands.json"; exit 2; }
echo "$objects objects checked, $faults at fault"
[ "$faults" = 0 ]
