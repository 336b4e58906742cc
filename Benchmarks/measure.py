# SPDX-License-Identifier: Apache-2.0
"""What processes and the machine use, as the kernel counts it in /proc, and how figures are summed up."""

import os
import pathlib
import statistics
import time

TICK = 1 / os.sysconf("SC_CLK_TCK")
_allowed = sorted(os.sched_getaffinity(0))
# One core for what is measured, another for what loads it. On a machine with one core they share it, and only counts mean
# anything.
SERVER_CORE = _allowed[0]
LOAD_CORE = _allowed[1 % len(_allowed)]


def cpu_seconds(pid):
    """CPU of a process, in seconds: /proc/PID/stat counts in ticks of 10 ms, schedstat in nanoseconds."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def family(pid):
    """A process and its children: nginx's master and workers."""
    return [pid, *map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def family_cpu_seconds(pid):
    return sum(map(cpu_seconds, family(pid)))


def memory_kb(pids):
    """Resident memory of processes: all of it, and their share of what they have in common with others."""
    sizes = {"Rss:": 0, "Pss:": 0}
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, size = line.split()[:2]
            if name in sizes:
                sizes[name] += int(size)
    return {"rss": sizes["Rss:"], "pss": sizes["Pss:"]}


def busy_seconds():
    """CPU that the whole machine has used: everything but idle and waiting for a disk."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    user, nice, system, _idle, _wait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) * TICK


class Window:
    """What was used between its start and `close`.

    `server` and `generators` are processes (a pid, or a list), or functions that return CPU seconds.
    """

    def __init__(self, server, *generators):
        self._clocks = [_clock(server), *map(_clock, generators)]
        self._before = self._read()

    def _read(self):
        return [time.monotonic(), busy_seconds(), *(clock() for clock in self._clocks)]

    def close(self):
        self.seconds, busy, self.server, *generators = (
            after - before for after, before in zip(self._read(), self._before)
        )
        self.server_share = self.server / self.seconds
        self.generator_share = sum(generators) / self.seconds
        # Of one core; below 0 by the coarse ticks of /proc/stat.
        self.others_share = max(0, busy - self.server - sum(generators)) / self.seconds
        return self


def _clock(source):
    if callable(source):
        return source
    return lambda: sum(map(cpu_seconds, source if isinstance(source, list) else [source]))


def summary(trials):
    """Trials of the same kind, as `{name: [median, least, most]}`."""
    return {
        name: [statistics.median(values), min(values), max(values)]
        for name in trials[0]
        if None not in (values := [trial[name] for trial in trials])
    }
