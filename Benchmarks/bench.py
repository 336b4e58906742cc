# SPDX-License-Identifier: Apache-2.0
"""Measures the product; `./chat bench` starts it. README.md beside this file says what and how."""

import argparse
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import machine
import plot
import report
import wsload
from daemons import ROOT, Failure
from growth import CURVES
from measure import LOAD_CORE
from rows import ROWS
from trials import FULL, QUICK, Bench

HERE = pathlib.Path(__file__).resolve().parent
DOCS = ROOT / "docs"
NAMES = [*ROWS, *CURVES]


def read_options():
    options = argparse.ArgumentParser(prog="./chat bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="small and short: shows that it works, not how fast")
    options.add_argument("--row", action="append", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    options.add_argument("--large", action="store_true", help="also a history of 10 million messages")
    options.add_argument("--write", action="store_true", help="put the results into docs/")
    options.add_argument("--json", action="store_true", help="print the results as JSON")
    chosen = options.parse_args()
    if chosen.quick and chosen.write:
        options.error("what --quick measures is not worth writing down")
    return chosen


def compile_tools(folder):
    for source in HERE.glob("*.c"):
        compiler = [os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-o", folder / source.stem, source]
        if subprocess.run(compiler).returncode:
            raise Failure(f"{source.name} does not compile")


def measure(bench, names):
    """Runs the rows and returns what they say, each with where and when."""
    where = {"date": machine.today(), "commit": machine.commit(), "machine": machine.description()}
    results = {"lines": [], "curves": []}
    for i, name in enumerate(names, 1):
        say(f"[{i}/{len(names)}] {name}")
        kind, source = ("lines", ROWS) if name in ROWS else ("curves", CURVES)
        try:
            found = list(source[name](bench))
        except Failure as failure:
            raise Failure(f"{name}: {failure}") from None
        results[kind] += [dataclasses.asdict(entry) | where for entry in found]
    return results


def write(results):
    """Puts results beside those of earlier runs, which stay where a row was not measured now."""
    path = DOCS / "benchmarks.json"
    earlier = json.loads(path.read_text()) if path.exists() else {"lines": [], "curves": []}
    merged = {kind: _merge(earlier[kind], results[kind]) for kind in results}
    path.write_text(json.dumps(merged, indent=1, ensure_ascii=False) + "\n")
    (DOCS / "benchmarks.md").write_text(report.page(merged))
    (DOCS / "benchmarks.svg").write_text(plot.bars(merged["lines"]))
    (DOCS / "benchmarks-growth.svg").write_text(plot.panels(merged["curves"]))
    say(f"Written: {DOCS / 'benchmarks.md'}, with its data and drawings beside it")


def _merge(earlier, fresh):
    def place(entry):
        return NAMES.index(next(name for name in NAMES if _of(entry["name"], name)))

    measured = [name for name in NAMES if any(_of(entry["name"], name) for entry in fresh)]
    kept = [entry for entry in earlier if not any(_of(entry["name"], name) for name in measured)]
    return sorted(kept + fresh, key=place)


def _of(line, row):
    """Whether a line is of a row: `senders 100` is of `senders`."""
    return line == row or line.startswith(row + " ")


def say(words):
    print(words, file=sys.stderr, flush=True)


def main():
    options = read_options()
    # An end by a signal stops the daemons and removes the folders, as any other end does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    os.sched_setaffinity(0, {LOAD_CORE})
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="halls-bench-") as folder:
        compile_tools(pathlib.Path(folder))
        scale = QUICK if options.quick else FULL
        bench = Bench(pathlib.Path(os.environ["HALLS_BIN"]), pathlib.Path(folder), scale, options.large)
        results = measure(bench, options.row or [name for name in NAMES if name != "wsload" or wsload.source()])
    print(json.dumps(results) if options.json else report.terminal(results))
    if options.write:
        write(results)
    say(f"Everything that was sent arrived once and in order. {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
