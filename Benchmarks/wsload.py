# SPDX-License-Identifier: Apache-2.0
"""A second opinion: the main rows by another generator, wsload, where there is one."""

import json
import os
import pathlib
import subprocess

from daemons import Failure
from load import MESSAGE_BYTES, Crowd
from measure import LOAD_CORE
from rows import FLOOR, Line, row

CLOSED, OPEN, QUIET = "inflight", "rate", "idle"


def source():
    """The C file of wsload, which HALLS_WSLOAD names; None where it names none."""
    named = os.environ.get("HALLS_WSLOAD")
    if named and not pathlib.Path(named).is_file():
        raise Failure(f"HALLS_WSLOAD: there is no file {named}")
    return named


@row("wsload")
def wsload(bench):
    if not source():
        raise Failure("HALLS_WSLOAD=FILE has to name wsload.c")
    program = bench.compiled / "wsload"
    if subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", program, source()]).returncode:
        raise Failure("wsload does not compile")
    scale = bench.scale
    hall, halls = Crowd(scale.size(1000), 1), Crowd(scale.size(200) * 5, scale.size(200))
    delivery = "µs CPU a delivery"

    def line(name, what, unit, figure, *load):
        trials = bench.repeat(lambda kind: figure(_run(bench, program, kind, *load)), (FLOOR, "halls"))
        return Line(f"wsload {name}", what, unit, trials["halls"], trials[FLOOR])

    yield line("fan-out", f"1 hall of {hall.members:,}, 8 messages under way", delivery, _talking, hall, CLOSED, 8)
    yield line("halls", f"{halls.halls:,} halls of 5, 1 message under way", delivery, _talking, halls, CLOSED, 1)
    rate = 50 if scale.quick else 10
    yield line("paced", f"1 hall of {hall.members:,}, {rate} messages a second", delivery, _talking, hall, OPEN, rate, 3)
    crowd = Crowd(scale.size(5000), scale.size(1000))
    yield line("join", f"{crowd.members:,} come, 64 at a time", "µs CPU a join", _coming, crowd, QUIET, 1)
    crowd = Crowd(scale.size(10_000), scale.size(2000))
    yield line("idle", f"{crowd.members:,} joined and idle", "KB a connection", _resting, crowd, QUIET, 1)


def _talking(result):
    latency = result["latency_us"]
    return {
        "value": result["server"]["cpu_us_per_delivery"],
        "rate": result["deliveries_per_s"],
        "p50": latency["p50"] / 1000,
        "p99": latency["p99"] / 1000,
        "server": result["server"]["cpu_share"],
        "generator": result["generator"]["cpu_share"],
        "others": max(0, result["other_cores"]),
        "checked": result["whole_run"]["delivered"],
    }


def _coming(result):
    connections = result["connections"]
    return {
        "value": connections["server_cpu_us_per_join"],
        "rate": connections["joins_per_s"],
        "checked": connections["joined"],
    }


def _resting(result):
    memory, joined = result["memory"], result["connections"]["joined"]
    return {"value": (memory["rss_idle"] - memory["rss_before"]) / joined / 1024, "checked": joined}


def _run(bench, program, kind, crowd, pattern, amount, times=1):
    with bench.server(kind, crowd) as (place, pids, cookies):
        headers = place.folder / "headers"
        headers.write_text("".join(f"Cookie: {cookie}\n" for cookie in cookies))
        options = {
            "mode": "sio", "port": place.push_port, "pid": pids[0], "header-file": headers, "conns": crowd.members,
            "halls": crowd.halls, "size": MESSAGE_BYTES, "joined": '42["hall_joined",', pattern: amount,
            "settle": bench.scale.settle, "warmup": bench.scale.warm_up,
            "duration": 0 if pattern == QUIET else bench.scale.seconds * times,
        }  # fmt: skip
        command = ["taskset", "-c", LOAD_CORE, program, "--ack"]
        for name, value in options.items():
            command += [f"--{name}", value]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    # It also fails where a delivery was lost, doubled, out of order or astray.
    if done.returncode:
        raise Failure(f"wsload: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)
