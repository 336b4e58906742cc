# SPDX-License-Identifier: Apache-2.0
"""One trial each: a fresh server, members at it, and what that cost the server."""

import contextlib
import dataclasses
import pathlib

from daemons import Failure, Floor, Site
from load import Load
from measure import Window, memory_kb, summary

TRIES_MAX = 50


@dataclasses.dataclass(frozen=True)
class Scale:
    """How long and how large: a whole run, or a quick one that only shows that everything works."""

    quick: bool = False
    repeats: int = 3
    warm_up: float = 0.5
    seconds: float = 3
    settle: float = 2
    divisor: int = 1  # of the numbers of members, halls, requests at once
    growth_max: int = 10_000_000

    def size(self, full):
        return max(1, full // self.divisor)

    def growth(self, *sizes):
        """The points of a curve: those that are not too large."""
        return [size for size in sizes if size <= self.growth_max]


FULL = Scale()
QUICK = Scale(quick=True, repeats=1, warm_up=0.05, seconds=0.15, settle=0.1, divisor=20, growth_max=100)


@dataclasses.dataclass(frozen=True)
class Bench:
    """What rows are made with: the product's programs, the compiled ones of this folder, and the scale."""

    programs: pathlib.Path
    compiled: pathlib.Path
    scale: Scale
    large: bool = False  # whether the curves have the points that take minutes

    @contextlib.contextmanager
    def server(self, kind, crowd, flags=None):
        """A running server, `halls` or a mode of the floor: its place, its pids, and its members' cookies."""
        if kind != "halls":
            with Floor(self.compiled / "floor", kind) as floor:
                if crowd.through_nginx:
                    floor.start_on_socket()
                    floor.put_behind_nginx()
                else:
                    floor.start()
                yield floor, floor.pids(), ["floor"] * crowd.members
            return
        with Site(self.programs, flags) as site:
            with site.seed() as seed:
                cookies = seed.people(crowd.members)
                seed.halls(crowd.halls)
                seed.seats((i + 1, i % crowd.halls + 1) for i in range(crowd.members))
            site.start_push()
            if crowd.through_nginx:
                site.put_behind_nginx()
            yield site, site.pids(), cookies

    @contextlib.contextmanager
    def crowd(self, kind, crowd, flags=None):
        """A running server and its members, who are not connected yet: its pids, and the Load."""
        with self.server(kind, crowd, flags) as (place, pids, cookies):
            with Load(self.compiled / "load", place, crowd, cookies) as load:
                yield pids, load

    def repeat(self, trial, kinds):
        """Makes trials of each kind of server in turn, so that all of them see the same weather: `{kind: summary}`."""
        trials = [(kind, trial(kind)) for _ in range(self.scale.repeats) for kind in kinds]
        return {kind: summary([result for other, result in trials if other == kind]) for kind in kinds}


def talk(bench, kind, crowd, pattern, per="delivered", times=1):
    """
    Members talk after a pattern (`keep 8`, `pace 10`), so many times as long as others: CPU in µs for each delivery, or
    `per="acknowledged"` send.
    """
    with bench.crowd(kind, crowd) as (pids, load):
        load.do(f"connect {crowd.members}")
        before = load.do(f"{pattern} {bench.scale.warm_up}")
        window = Window(pids, load.pid)
        after, count = until_something_came(load, f"{pattern} {bench.scale.seconds * times}", before, per)
        window.close()
        totals = load.drain()
    return shares(window, after["waited"] - before["waited"]) | {
        "value": window.server / count * 1e6,
        "rate": count / window.seconds,
        "p50": after["latency_us"]["p50"] / 1000,
        "p99": after["latency_us"]["p99"] / 1000,
        "checked": totals["delivered"],
    }


def until_something_came(load, order, before, what):
    """Gives an order, again where a busy machine let nothing come in the time of a quick trial: the totals, and how many."""
    for _ in range(TRIES_MAX):
        after = load.do(order)
        count = after[what] - before[what]
        if count:
            return after, count
    raise Failure(f"{order}, {TRIES_MAX} times: no {what}")


def arrive(bench, kind, crowd):
    """Members come, 64 at a time: CPU in µs for each, from the handshake to the hall."""
    with bench.crowd(kind, crowd) as (pids, load):
        window = Window(pids, load.pid)
        load.do(f"connect {crowd.members}")
        window.close()
    return shares(window) | {
        "value": window.server / crowd.members * 1e6,
        "rate": crowd.members / window.seconds,
        "checked": crowd.members,
    }


def rest_quietly(bench, kind, crowd, steps):
    """Members come and are idle, more at each step: resident KB for each, at each step."""
    with bench.crowd(kind, crowd) as (pids, load):
        empty = memory_kb(pids)
        result = {}
        for members in steps:
            load.do(f"connect {members}")
            load.do(f"idle {bench.scale.settle}")
            used = memory_kb(pids)
            result[members] = {
                "value": (used["rss"] - empty["rss"]) / members,
                "pss": (used["pss"] - empty["pss"]) / members,
                "empty": empty["rss"] / 1024,
                "checked": members,
            }
        return result


def beat(bench, crowd, interval, seconds):
    """Members are idle but for the heartbeats, one in so many seconds: CPU in µs for each ping with its pong."""
    with bench.crowd("halls", crowd, {"ping-interval": int(interval * 1000)}) as (pids, load):
        load.do(f"connect {crowd.members}")
        before = load.do(f"idle {bench.scale.settle}")
        window = Window(pids, load.pid)
        after, count = until_something_came(load, f"idle {seconds}", before, "pings")
        window.close()
    return shares(window) | {
        "value": window.server / count * 1e6,
        "rate": count / window.seconds,
        "checked": count,
    }


def shares(window, waited=0):
    """How much of a core each used, without the CPU seconds for which a generator that stayed awake `waited`."""
    generator = max(0, window.generator_share - waited / window.seconds)
    return {"server": window.server_share, "generator": generator, "others": window.others_share}
