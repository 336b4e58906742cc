# SPDX-License-Identifier: Apache-2.0
"""Requests over nginx and FastCGI, asked by wrk; the floor answers them with the same bytes from memory."""

import contextlib
import json
import re
import resource
import subprocess

from daemons import Failure, Site
from measure import LOAD_CORE, Window, family_cpu_seconds, summary
from trials import shares

REQUESTS_AT_ONCE = 32
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Desk:
    """A site that answers REST requests of one signed-in member."""

    def __init__(self, bench, site, cookie):
        self.bench = bench
        self.site = site
        self.cookie = cookie

    def ask(self, path, **headers):
        status, answered, body = self.site.get(path, Cookie=self.cookie, **headers)
        if status not in (200, 304):
            raise Failure(f"GET {path}: {status} {body[:200]}")
        return status, answered, body

    def compare(self, path, check):
        """Trials of chat-fcgi and of the floor with its answer, in turn: `{kind: summary}`."""
        _, _, answer = self.ask(path)
        check(json.loads(answer))
        trials = {"halls": [], "floor": []}
        for _ in range(self.bench.scale.repeats):
            trials["halls"].append(self.load("chat-fcgi", path))
            with self._floor(answer):
                trials["floor"].append(self.load("floor", path))
        _, _, again = self.ask(path)
        check(json.loads(again))
        return {kind: summary(results) for kind, results in trials.items()}

    def unchanged(self, path):
        """Trials of requests that name the version they have; None where answers carry no version."""
        tag = self.ask(path)[1].get("ETag")
        if not tag or self.ask(path, **{"If-None-Match": tag})[0] != 304:
            return None
        header = f"If-None-Match: {tag}"
        return summary([self.load("chat-fcgi", path, header) for _ in range(self.bench.scale.repeats)])

    @contextlib.contextmanager
    def _floor(self, answer):
        self.site.stop_fcgi("chat-fcgi")
        self.site.start_fcgi_floor(self.bench.compiled / "floor_fcgi", answer)
        yield
        self.site.stop_fcgi("floor")
        self.site.start_fcgi()

    def load(self, name, path, *headers):
        """One trial: CPU in µs of a daemon for each request."""
        scale = self.bench.scale
        if not scale.quick:
            self._wrk(path, headers, scale.warm_up)
        nginx = self.site.pid("nginx")
        window = Window(self.site.pid(name), lambda: family_cpu_seconds(nginx), _children_cpu_seconds)
        result = self._wrk(path, headers, scale.seconds)
        window.close()
        return (
            shares(window)
            | {
                "value": window.server / result["checked"] * 1e6,
                "rate": result["checked"] / window.seconds,
            }
            | result
        )

    def _wrk(self, path, headers, seconds):
        whole = max(1, round(seconds))  # wrk knows no parts
        command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{REQUESTS_AT_ONCE}", f"-d{whole}s", "--latency"]
        for header in (f"Cookie: {self.cookie}", *headers):
            command += ["-H", header]
        command.append(f"http://127.0.0.1:{self.site.port}{path}")
        done = subprocess.run(command, capture_output=True, text=True)
        return read_wrk(done.stdout + done.stderr)


def read_wrk(text):
    """What wrk says, as figures; it has to have got an answer to each request."""
    requests = re.search(r"(\d+) requests in ", text)
    wrong = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", text)
    if not requests or not int(requests[1]) or wrong:
        raise Failure(f"wrk: {wrong[0] if wrong else text}")
    result = {"checked": int(requests[1])}
    for name, percent in (("p50", "50%"), ("p99", "99%")):
        value, unit = re.search(rf"^\s+{percent}\s+([\d.]+)(us|ms|s)$", text, re.MULTILINE).groups()
        result[name] = float(value) * UNITS[unit]
    return result


def _children_cpu_seconds():
    """CPU of the children that have ended: wrk."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def reading_desk(bench, messages=0, halls=1):
    """A desk of member 1, who is in `halls` halls, the first with so many messages by ten people."""
    with Site(bench.programs) as site:
        with site.seed() as seed:
            cookies = seed.people(10)
            seed.halls(halls)
            seed.seats((1, hall) for hall in range(1, halls + 1))
            if messages:
                seed.seats((user, 1) for user in range(2, 11))
                seed.messages(1, messages, 10)
        site.start_nginx()
        site.start_fcgi()
        yield Desk(bench, site, cookies[0])
