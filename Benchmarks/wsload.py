# SPDX-License-Identifier: Apache-2.0
"""A second opinion: another generator, wsload, where there is one, under the same load as `load`."""

import json
import os
import pathlib
import subprocess

from daemons import Failure
from load import MESSAGE_BYTES, Crowd
from measure import LOAD_CORE, summary
from trials import talk


def source():
    """The C file of wsload, which HALLS_WSLOAD names; None where it names none."""
    named = os.environ.get("HALLS_WSLOAD")
    if named and not pathlib.Path(named).is_file():
        raise Failure(f"HALLS_WSLOAD: there is no file {named}")
    return named


def compare(bench):
    """What `load` and wsload say of the same loads, in turn: `{load: {generator: summary}}`."""
    program = bench.compiled / "wsload"
    if subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", program, source()]).returncode:
        raise Failure("wsload does not compile")
    results = {}
    for name, crowd, under_way in (
        ("fan-out", Crowd(bench.scale.size(1000), 1), 8),
        ("halls", Crowd(bench.scale.size(200) * 5, bench.scale.size(200)), 1),
    ):
        for kind in ("halls", "write"):
            ours, others = [], []
            for _ in range(bench.scale.repeats):
                ours.append(talk(bench, kind, crowd, f"keep {under_way}"))
                others.append(_wsload(bench, program, kind, crowd, under_way))
            where = "Halls" if kind == "halls" else "floor"
            results[f"{name}, {where}"] = {"load": summary(ours), "wsload": summary(others)}
    return results


def _wsload(bench, program, kind, crowd, under_way):
    with bench.server(kind, crowd) as (place, pid, cookies):
        headers = place.folder / "headers"
        headers.write_text("".join(f"Cookie: {cookie}\n" for cookie in cookies))
        options = {
            "mode": "sio", "port": place.push_port, "header-file": headers, "conns": crowd.members, "halls": crowd.halls,
            "size": MESSAGE_BYTES, "inflight": under_way, "warmup": bench.scale.warm_up, "duration": bench.scale.seconds,
            "subscribe": '420["join_hall",{"hall_id":{hall}}]', "joined": '430[{"ok":true', "pid": pid,
        }  # fmt: skip
        command = ["taskset", "-c", LOAD_CORE, program, "--ack"]
        for name, value in options.items():
            command += [f"--{name}", value]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"wsload: {done.stderr}{done.stdout}")
    result = json.loads(done.stdout)
    return {"value": result["server"]["cpu_us_per_delivery"], "rate": result["deliveries_per_s"]}
