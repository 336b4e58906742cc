# SPDX-License-Identifier: Apache-2.0
"""Results as Markdown, for the terminal and for docs/benchmarks.md."""

HEAD = [
    "row",
    "",
    "Halls",
    "floor",
    "× floor",
    "a second",
    "p50 ms",
    "p99 ms",
    "cores: server, load, others",
    "checked",
]


def number(value):
    """Three digits, as a person writes them."""
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    text = f"{value:.3g}"
    return "0" if float(text) == 0 else text


def spread(summary):
    median, least, most = summary
    return number(median) if least == most else f"**{number(median)}** ({number(least)}–{number(most)})"


def ratio(halls, floor):
    return number(halls["value"][0] / floor["value"][0]) if floor and floor["value"][0] else "–"


def table(head, rows):
    """Markdown that also reads well as it is."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def lines_table(lines):
    return table(HEAD, [cells(line) for line in lines])


def cells(line):
    halls, floor, batching = line["halls"], line["floor"], line["batching_floor"]

    def figure(name, write=number):
        return write(halls[name][0]) if name in halls else "–"

    floors, ratios = [number(floor["value"][0])] if floor else ["–"], [ratio(halls, floor)]
    if batching:
        floors.append(number(batching["value"][0]))
        ratios.append(ratio(halls, batching))
    cores = ", ".join(f"{halls[name][0]:.2f}" for name in ("server", "generator", "others") if name in halls)
    return [
        line["name"], f"{line['what']}; {line['unit']}", spread(halls["value"]), " / ".join(floors), " / ".join(ratios),
        figure("rate"), figure("p50"), figure("p99"), cores or "–", figure("checked", lambda count: f"{count:,.0f}"),
    ]  # fmt: skip


def notes(lines):
    return "\n".join(f"- {line['name']}: {line['note']}." for line in lines if line["note"])


def curve_table(curve):
    rows = [
        [f"{point['x']:,}", spread(point["halls"]["value"]), number(point["floor"]["value"][0]),
         ratio(point["halls"], point["floor"])]
        for point in curve["points"]
    ]  # fmt: skip
    return f"{curve['name']}: {curve['what']}, {curve['unit']}\n\n" + table(
        [curve["x"], "Halls", "floor", "× floor"], rows
    )


def terminal(results):
    """Everything that a run has measured."""
    parts = []
    if results["lines"]:
        parts += [lines_table(results["lines"]), notes(results["lines"])]
    parts += [curve_table(curve) for curve in results["curves"]]
    return "\n\n".join(part for part in parts if part)


PAGE = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->

# Benchmarks

Written by `./chat bench --write`; [Benchmarks/README.md](../Benchmarks/README.md) says how it is measured and how to read
it. The figures are of one machine on one day: what holds elsewhere is the ratio to the floor, a program in C that only does
the system calls.

{when}

## What things cost

![CPU for each thing, Halls and floor](benchmarks.svg)

The median of the trials, and in brackets the least and the most. *floor*: the same load on the floor; where there are two,
the second sends what came in one go in one write. *a second*, *p50*, *p99*: what came through, and how long it took, in a
closed loop with the server on one core. *cores*: how much of a core the server, the generator (without its looking in
vain) and everything else used. *checked*: how many deliveries or answers were held against what they had to be; one that is
lost, doubled or out of order ends the run.

{lines}

{notes}

## How they grow

![Growth with members, halls, messages and connections](benchmarks-growth.svg)

{curves}
"""


def page(results):
    """docs/benchmarks.md, of results that may be of several days."""
    everything = results["lines"] + results["curves"]
    groups = {}
    for entry in everything:
        groups.setdefault((entry["date"], entry["commit"], entry["machine"]), []).append(entry["name"])
    when = "\n".join(
        f"- {date}, commit {commit or '?'}, {machine}" + (f": {', '.join(names)}" if len(groups) > 1 else "")
        for (date, commit, machine), names in sorted(groups.items())
    )
    return PAGE.format(
        when=when,
        lines=lines_table(results["lines"]),
        notes=notes(results["lines"]),
        curves="\n\n".join(curve_table(curve) for curve in results["curves"]),
    )
