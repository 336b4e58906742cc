# SPDX-License-Identifier: Apache-2.0
"""The rows of the table. Each is a function of the Bench that gives lines of it; ROWS has all by name."""

import dataclasses
import statistics
import time

from daemons import Failure, Site
from load import Crowd
from rest import reading_desk
from trials import arrive, beat, rest_quietly, talk

ROWS = {}
FLOOR, BATCHING_FLOOR = "write", "batch"


@dataclasses.dataclass
class Line:
    """A line of the table: summaries of the trials of Halls, and of the floor where there is one."""

    name: str
    what: str
    unit: str
    halls: dict
    floor: dict | None = None
    batching_floor: dict | None = None
    note: str = ""


def row(name):
    def add(function):
        ROWS[name] = function
        return function

    return add


def _talk(bench, name, what, crowd, pattern, kinds=(FLOOR, "halls"), **how):
    results = bench.repeat(lambda kind: talk(bench, kind, crowd, pattern, **how), kinds)
    unit = "µs CPU a send" if "per" in how else "µs CPU a delivery"
    return Line(name, what, unit, results["halls"], results.get(FLOOR), results.get(BATCHING_FLOOR))


@row("fan-out")
def fan_out(bench):
    crowd = Crowd(bench.scale.size(1000), 1)
    what = f"1 hall of {crowd.members:,}, 8 messages under way"
    return [_talk(bench, "fan-out", what, crowd, "keep 8", (FLOOR, BATCHING_FLOOR, "halls"))]


@row("halls")
def halls(bench):
    count = bench.scale.size(200)
    what = f"{count:,} halls of 5, 1 message under way in each"
    return [_talk(bench, "halls", what, Crowd(count * 5, count), "keep 1", (FLOOR, BATCHING_FLOOR, "halls"))]


@row("paced")
def paced(bench):
    crowd = Crowd(bench.scale.size(1000), 1)
    rate = 50 if bench.scale.quick else 10
    what = f"1 hall of {crowd.members:,}, {rate} messages a second"
    # Thirty messages are few, and each finds caches that have forgotten it.
    return [_talk(bench, "paced", what, crowd, f"pace {rate}", times=3)]


@row("senders")
def senders(bench):
    lines = []
    for count in bench.scale.growth(1, 10, 100, 1000):
        what = f"{count:,} at once, each alone in a hall, 1 message under way"
        lines.append(_talk(bench, f"senders {count}", what, Crowd(count, count), "keep 1", per="acknowledged"))
    return lines


@row("join")
def join(bench):
    crowd = Crowd(bench.scale.size(5000), bench.scale.size(1000))
    results = bench.repeat(lambda kind: arrive(bench, kind, crowd), (FLOOR, "halls"))
    what = f"{crowd.members:,} come, 64 at a time: handshake, sign in, join"
    return [Line("join", what, "µs CPU a join", results["halls"], results[FLOOR])]


@row("idle")
def idle(bench):
    count = bench.scale.size(10_000)
    crowd = Crowd(count, max(1, count // 5))
    results = bench.repeat(lambda kind: rest_quietly(bench, kind, crowd, [count])[count], (FLOOR, "halls"))
    note = "resident memory of the process; the kernel's buffers of a socket are not in it"
    return [Line("idle", f"{count:,} joined and idle", "KB a connection", results["halls"], results[FLOOR], note=note)]


@row("idle-path")
def idle_path(bench):
    # Two descriptors of nginx each, perhaps all of one worker.
    count = bench.scale.size(4000)
    crowd = Crowd(count, max(1, count // 5), through_nginx=True)
    results = bench.repeat(lambda kind: rest_quietly(bench, kind, crowd, [count])[count], (FLOOR, "halls"))
    what = f"{count:,} joined and idle, through nginx"
    note = "nginx and chat-push together; the floor is behind the same nginx"
    return [Line("idle-path", what, "KB a connection", results["halls"], results[FLOOR], note=note)]


@row("heartbeat")
def heartbeat(bench):
    crowd = Crowd(bench.scale.size(10_000), bench.scale.size(2000))
    interval, seconds = (0.2, 0.4) if bench.scale.quick else (5, 10)
    results = bench.repeat(lambda kind: beat(bench, crowd, interval, seconds), ("halls",))
    at_default = results["halls"]["value"][0] * crowd.members / 25 / 1000
    what = f"{crowd.members:,} joined and idle: ping and pong"
    note = f"at the default of one in 25 s: {at_default:.2g} ms of CPU in a second for all of them"
    return [Line("heartbeat", what, "µs CPU a heartbeat", results["halls"], note=note)]


@row("history")
def history(bench):
    def check(answer):
        ids = [message["id"] for message in answer["messages"]]
        if ids != list(range(951, 1001)):
            raise Failure(f"not the last 50 messages: {ids}")

    with reading_desk(bench, messages=1000) as desk:
        return _answers(desk, "history", "the last 50 of 1,000 messages", "/chat/messages/1", check)


@row("sidebar")
def sidebar(bench):
    def check(answer):
        if len(answer["halls"]) != 10:
            raise Failure(f"not 10 halls: {answer}")

    with reading_desk(bench, halls=10) as desk:
        return _answers(desk, "sidebar", "my 10 halls", "/chat/halls", check)


def _answers(desk, name, what, path, check):
    results = desk.compare(path, check)
    lines = [Line(name, what, "µs CPU a request", results["halls"], results["floor"])]
    if unchanged := desk.unchanged(path):
        lines.append(Line(f"{name} 304", f"{what}, unchanged", "µs CPU a request", unchanged))
    return lines


@row("cold-start")
def cold_start(bench):
    """From the start of the process to the first answer; the program is in the page cache, the database is small."""
    runs = {"chat-push": [], "chat-fcgi": []}
    with Site(bench.programs) as site:
        site.seed()
        site.start_nginx()
        for _ in range(1 if bench.scale.quick else 11):
            for name, start in (("chat-push", site.start_push), ("chat-fcgi", site.start_fcgi)):
                began = time.monotonic()
                start()
                runs[name].append((time.monotonic() - began) * 1000)
                site.stop(name)
    lines = []
    for name, times in runs.items():
        size = (bench.programs / name).stat().st_size / 1e6
        result = {"value": [statistics.median(times), min(times), max(times)], "checked": [len(times)] * 3}
        note = f"the program has {size:.1f} MB"
        lines.append(Line(f"cold-start {name}", "from its start to its first answer", "ms", result, note=note))
    return lines
