# SPDX-License-Identifier: Apache-2.0
"""Results as SVG, written by hand: bars for the rows, small panels for the curves. Readable in light and dark."""

import html
import math

# What takes its place in the dark comes last. No CSS variables: not every viewer of SVG knows them.
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  text.quiet { fill: #59636e; } .title { font-weight: 600; } .end { text-anchor: end; } .middle { text-anchor: middle; }
  .ground { fill: #ffffff; } .grid { stroke: #d1d9e0; } .halls { fill: #0969da; } .floor { fill: #9a6700; }
  polyline.halls { fill: none; stroke: #0969da; stroke-width: 2; }
  polyline.floor { fill: none; stroke: #9a6700; stroke-width: 2; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } text.quiet { fill: #9198a1; }
    .ground { fill: #0d1117; } .grid { stroke: #3d444d; } .halls { fill: #4493f8; } .floor { fill: #d29922; }
    polyline.halls { stroke: #4493f8; } polyline.floor { stroke: #d29922; }
  }
"""


def text(x, y, words, style=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}">{html.escape(words)}</text>'


def rule(x1, y1, x2, y2):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="grid"/>'


def bar(x, y, width, height, style):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height}" rx="2" class="{style}"/>'


def drawing(width, height, title, parts):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{html.escape(title)}">\n<!-- SPDX-License-Identifier: Apache-2.0 -->\n'
        f'<style>{STYLE}</style>\n<rect width="{width}" height="{height}" class="ground"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def legend(x, y):
    return [
        bar(x, y - 9, 10, 10, "halls"), text(x + 16, y, "Halls"),
        bar(x + 70, y - 9, 10, 10, "floor"), text(x + 86, y, "floor: the same in C, system calls only"),
    ]  # fmt: skip


class Scale:
    """A logarithmic axis over whole decades, from values to a range of pixels."""

    def __init__(self, values, begin, end):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self.begin, self.end = begin, end

    def at(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self):
        return [10**power for power in range(self.low, self.high + 1)]


def short(value):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


# --- The rows --------------------------------------------------------------------------------------------------------

BAR, GAP, LEFT, RIGHT, TOP = 9, 12, 130, 90, 56


def bars(lines):
    """What costs CPU: a bar each for Halls and the floor, on one logarithmic axis."""
    lines = [line for line in lines if line["unit"].startswith("µs CPU")]
    if not lines:
        return drawing(400, 60, "No results", [text(20, 35, "Nothing was measured yet.", "quiet")])
    width, row = 900, 2 * BAR + GAP
    height = TOP + row * len(lines) + 40
    values = [
        side["value"][0] for line in lines for side in (line["halls"], line["floor"]) if side and side["value"][0] > 0
    ]
    axis = Scale(values, LEFT, width - RIGHT)
    parts = [text(20, 24, "CPU for each delivery, send, join, heartbeat or request", "title"), *legend(width - 330, 24)]
    for tick in axis.ticks():
        parts += [rule(axis.at(tick), TOP - 8, axis.at(tick), height - 34)]
        parts += [text(axis.at(tick), height - 18, f"{short(tick)} µs", "quiet middle")]
    for i, line in enumerate(lines):
        parts += _bar_pair(axis, TOP + row * i, line)
    return drawing(width, height, "CPU for each thing, Halls and floor", parts)


def _bar_pair(axis, y, line):
    halls, floor = line["halls"]["value"][0], line["floor"] and line["floor"]["value"][0]
    parts = [text(LEFT - 10, y + BAR + 4, line["name"], "end")]
    parts += [bar(LEFT, y, axis.at(halls) - LEFT, BAR, "halls")]
    label = f"{halls:.3g}"
    if floor:
        parts += [bar(LEFT, y + BAR, axis.at(floor) - LEFT, BAR, "floor")]
        label += f" ({halls / floor:.2g} ×)"
    return parts + [text(axis.at(max(halls, floor or halls)) + 6, y + BAR + 4, label)]


# --- The curves ------------------------------------------------------------------------------------------------------

PANEL_WIDTH, PANEL_HEIGHT, COLUMNS = 440, 250, 2


def panels(curves):
    """A panel for each curve, both axes logarithmic."""
    rows = math.ceil(len(curves) / COLUMNS)
    width, height = PANEL_WIDTH * COLUMNS + 20, PANEL_HEIGHT * rows + 40
    parts = legend(20, 24)
    for i, curve in enumerate(curves):
        parts += _panel(10 + i % COLUMNS * PANEL_WIDTH, 40 + i // COLUMNS * PANEL_HEIGHT, curve)
    return drawing(width, height, "Growth with members, halls, messages and connections", parts)


def _panel(left, top, curve):
    points = curve["points"]
    begin, end, low, high = left + 55, left + PANEL_WIDTH - 25, top + PANEL_HEIGHT - 50, top + 40
    across = Scale([point["x"] for point in points], begin, end)
    sides = {
        side: [(p["x"], p[side]["value"][0]) for p in points if p[side]["value"][0] > 0] for side in ("floor", "halls")
    }
    up = Scale([value for side in sides.values() for _, value in side], low, high)
    parts = [text(left + 10, top + 16, curve["what"], "title"), text(left + 10, top + 31, curve["unit"], "quiet")]
    for tick in up.ticks():
        parts += [
            rule(begin, up.at(tick), end, up.at(tick)),
            text(begin - 6, up.at(tick) + 4, short(tick), "quiet end"),
        ]
    for tick in across.ticks():
        parts += [
            rule(across.at(tick), low, across.at(tick), high),
            text(across.at(tick), low + 16, short(tick), "quiet middle"),
        ]
    parts.append(text((begin + end) / 2, low + 33, curve["x"], "quiet middle"))
    for name, values in sides.items():
        places = [(across.at(x), up.at(y)) for x, y in values]
        parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" class="{name}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="{name}"/>' for x, y in places]
    return parts
