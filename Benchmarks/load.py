# SPDX-License-Identifier: Apache-2.0
"""The members: the C program `load` as an object."""

import dataclasses
import json
import subprocess

from daemons import Failure
from measure import LOAD_CORE

MESSAGE_BYTES = 120


@dataclasses.dataclass(frozen=True)
class Crowd:
    """Who is there: members spread evenly over halls; the first `senders` of each hall speak. And which way they come."""

    members: int
    halls: int
    senders: int = 1
    through_nginx: bool = False


class Load:
    """The running program. `do("keep 8 2.5")` gives it a command and returns its totals; see the head of load.c."""

    def __init__(self, program, place, crowd, cookies):
        file = place.folder / "cookies"
        file.write_text("".join(cookie + "\n" for cookie in cookies))
        arguments = [place.entrance, crowd.halls, 1, crowd.senders, MESSAGE_BYTES, file]
        self.process = subprocess.Popen(
            ["taskset", "-c", str(LOAD_CORE), program, *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *error):
        # The end of its input ends it, but where it is in the middle of something.
        self.process.kill()
        self.process.communicate()

    @property
    def pid(self):
        return self.process.pid

    def do(self, command):
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Failure(self.process.stderr.read().strip() or "load: ended without a word")
        return json.loads(line)

    def drain(self):
        """Waits for what is under way, and fails unless every member got every message of each sender of its hall once
        and in order, and each message was acknowledged. Returns the totals."""
        totals = self.do("drain")
        wrong = {
            "lost": totals["expected"] - totals["delivered"],
            "doubled": totals["doubled"],
            "disordered": totals["disordered"],
            "astray": totals["astray"],
            "refused": totals["refused"],
            "unacknowledged": totals["sent"] - totals["acknowledged"] - totals["refused"],
        }
        if any(wrong.values()):
            raise Failure(
                f"of {totals['expected']} deliveries: " + ", ".join(f"{n} {w}" for w, n in wrong.items() if n)
            )
        if not totals["expected"]:
            raise Failure("nothing was said")
        return totals
