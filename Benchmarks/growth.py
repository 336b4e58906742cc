# SPDX-License-Identifier: Apache-2.0
"""The curves: how the cost of one thing grows with the size of another."""

import dataclasses
import resource

from daemons import Failure
from load import Crowd
from measure import summary
from rest import reading_desk
from rows import FLOOR
from trials import rest_quietly, talk

CURVES = {}
# Of the limit on open files, what a process needs beside its connections.
OTHER_FILES = 500


@dataclasses.dataclass
class Curve:
    """Points `{x, halls, floor}`; the last two are summaries, as in a Line."""

    name: str
    what: str
    x: str
    unit: str
    points: list


def curve(name, what, x, unit):
    """Makes a curve of a function that yields its points."""

    def add(function):
        CURVES[name] = lambda bench: [Curve(name, what, x, unit, list(function(bench)))]
        return function

    return add


@curve("grow-fan-out", "a delivery in a hall, 8 messages under way", "members of the hall", "µs CPU a delivery")
def fan_out(bench):
    for members in bench.scale.growth(10, 100, 1000, 10_000):
        yield _talk(bench, members, Crowd(members, 1), "keep 8")


@curve("grow-halls", "a send among halls of one, up to 100 of them speak", "halls", "µs CPU a send")
def halls(bench):
    for count in bench.scale.growth(1, 10, 100, 1000, 10_000):
        yield _talk(bench, count, Crowd(count, count), "keep 1 by 100", per="acknowledged")


@curve("grow-history", "the last 50 messages of a hall", "messages in the hall", "µs CPU a request")
def history(bench):
    sizes = [1000] if bench.scale.quick else [1000, 1_000_000] + [10_000_000] * bench.large
    for messages in sizes:
        with reading_desk(bench, messages=messages) as desk:
            yield _request(desk, messages, "/chat/messages/1", "messages", 50)


@curve("grow-sidebar", "the list of a member's halls", "halls of the member", "µs CPU a request")
def sidebar(bench):
    for count in bench.scale.growth(10, 1000):
        with reading_desk(bench, halls=count) as desk:
            yield _request(desk, count, "/chat/halls", "halls", count)


@curve("grow-memory", "resident memory of idle members, five in a hall", "connections", "KB a connection")
def memory(bench):
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHER_FILES
    steps = [n for n in bench.scale.growth(100, 1000, 5000, 10_000, 15_000, 19_000) if n <= room]
    crowd = Crowd(steps[-1], steps[-1] // 5)
    trials = {kind: [] for kind in (FLOOR, "halls")}
    for _ in range(bench.scale.repeats):
        for kind, results in trials.items():
            results.append(rest_quietly(bench, kind, crowd, steps))
    for step in steps:
        of_step = {kind: summary([result[step] for result in results]) for kind, results in trials.items()}
        yield {"x": step, "halls": of_step["halls"], "floor": of_step[FLOOR]}


def _talk(bench, x, crowd, pattern, **per):
    results = bench.repeat(lambda kind: talk(bench, kind, crowd, pattern, **per), (FLOOR, "halls"))
    return {"x": x, "halls": results["halls"], "floor": results[FLOOR]}


def _request(desk, x, path, name, expected):
    def check(answer):
        if len(answer[name]) != expected:
            raise Failure(f"{len(answer[name])} instead of {expected} {name}")

    results = desk.compare(path, check)
    return {"x": x, "halls": results["halls"], "floor": results["floor"]}
