#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs to bring a large database up to this version, and that nothing is lost of it, whatever ends the migration.

    HALLS_BIN=.build/release python3 Benchmarks/migration.py [--old FOLDER] [--messages N]

Not a part of `./chat bench`: nothing here is a row that can be held against a floor. With the programs of an older version
(`--old`) they make the database, its history is read with them before, and they are started beside the new file.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import threading
import time

import older
from daemons import ROOT, Site, environment
from older import admin, copy, digest, size
from seed import Seed

def say(name, **figures):
    print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures.items()), flush=True)


class Reader:
    """Reads histories through nginx, as members of the halls."""

    def __init__(self, site, cookies, members, halls):
        self.site, self.cookies, self.members, self.halls = site, cookies, members, halls

    def pages(self):
        """Of each hall the newest page, a large one, the one before it, and what was said since a position."""
        answers = {}
        for hall in self.halls:
            newest = self.read(hall, "", answers)
            page = self.read(hall, "?limit=200", answers)
            oldest = page["messages"][0]["id"] if page["messages"] else 1
            self.read(hall, f"?limit=200&before={oldest}", answers)
            self.read(hall, f"?since_rev={max(0, newest['rev'] - 9)}", answers)
        return answers

    def read(self, hall, query, answers):
        address = f"/chat/messages/{hall}{query}"
        status, _, body = self.site.get(address, Cookie=self.cookies[self.members[hall][0] - 1])
        assert status == 200, (address, status, body[:200])
        answers[address] = body
        return json.loads(body)


class Writer(threading.Thread):
    """Somebody who goes on saying something, whatever happens; notes when, for how long, and what came of it."""

    def __init__(self, site, cookie, hall):
        super().__init__()
        self.site, self.cookie, self.hall = site, cookie, hall
        self.attempts = []
        self.ends = threading.Event()

    def run(self):
        while not self.ends.is_set():
            began = time.monotonic()
            try:
                code = self.say(f"w-{len(self.attempts)}")
            except OSError as error:
                code = type(error).__name__
            self.attempts.append((began, time.monotonic(), code))
            time.sleep(0.02)

    def say(self, key):
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30)
        with contextlib.closing(connection):
            origin = f"http://127.0.0.1:{self.site.port}"
            connection.request(
                "POST", f"/chat/messages/{self.hall}", json.dumps({"content": "Hello", "client_key": key}),
                {"Content-Type": "application/json", "Cookie": self.cookie, "Origin": origin},
            )  # fmt: skip
            answer = connection.getresponse()
            body = answer.read()
            code = json.loads(body).get("code") if answer.status >= 400 and body[:1] == b"{" else None
            return f"{answer.status} {code}" if code else str(answer.status)

    def figures(self, moment):
        """What became of what was said from a moment on, in stretches of the same result."""
        stretches = []
        for began, ended, code in self.attempts:
            if stretches and stretches[-1][2] == code:
                stretches[-1][1] = ended
                stretches[-1][3] += 1
            else:
                stretches.append([began, ended, code, 1])
        return [f"{code} ×{count} from {b - moment:.2f} to {e - moment:.2f} s" for b, e, code, count in stretches]


def start_beside(programs, name, database, folder):
    """Starts a program on a file that it must not take; returns how it ended and what it said."""
    rest = ["check"] if name == "chat-admin" else ["--listen", folder / "beside.sock"]
    command = [programs / name, *rest, "--database", database]
    try:
        done = subprocess.run(command, env=environment({}), capture_output=True, text=True, timeout=20)
    except subprocess.TimeoutExpired:
        return "runs", []
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()


def kill_in_the_middle(new, old_file, folder, seconds, wanted, kills, chance):
    """Ends a migration with SIGKILL, and migrates again: each time the same comes of it."""
    target = folder / "killed.db"
    for number in range(kills):
        copy(old_file, target)
        moment = seconds * (number + chance.random()) / kills
        process = subprocess.Popen(
            [new / "chat-admin", "migrate", "--database", target], env=environment({}), stdout=subprocess.DEVNULL
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        was_running = process.poll() is None
        process.kill()
        process.wait()
        left = size(target)
        with contextlib.closing(sqlite3.connect(target)) as connection:
            done = connection.execute("SELECT COUNT(*) FROM grdb_migrations").fetchone()[0]
        status, words, again = admin(new, "migrate", target)
        check = admin(new, "check", target)
        say(f"killed after {moment:.2f} s", was_running=was_running, steps_done=done, left=left, again=f"{again:.2f} s",
            status=status, check=check[0], same=digest(target) == wanted)  # fmt: skip
        assert status == check[0] == 0, (words, check[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=pathlib.Path, help="a folder with the programs of an older version")
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--halls", type=int, default=1_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--read", type=int, default=100, help="how many halls are read before and after")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    new = pathlib.Path(os.environ.get("HALLS_BIN") or ROOT / ".build/release").resolve()
    chance = random.Random(options.seed)
    with Site(options.old or new) as site:
        measure(site, new, options, chance)


def measure(site, new, options, chance):
    old, database, original = options.old, site.database, site.folder / "original.db"
    began = time.monotonic()
    if old:
        site.run([old / "chat-admin", "migrate", "--database", database])
    else:
        older.make(database)
    with Seed(database) as seed:
        cookies, members = older.fill(seed, options.people, options.halls, options.messages, chance=chance)
    say("filled", seconds=f"{time.monotonic() - began:.1f}", people=options.people, halls=options.halls,
        messages=options.messages)  # fmt: skip
    reader = Reader(site, cookies, members, chance.sample(range(1, options.halls + 1), min(options.read, options.halls)))
    if old:
        status, words, seconds = admin(old, "check", database)
        say("check before", status=status, words=words, seconds=f"{seconds:.2f}")
        site.start_nginx()
        site.start_fcgi()
        before = reader.pages()
        site.stop_fcgi("chat-fcgi")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        steps = connection.execute("SELECT COUNT(*) FROM grdb_migrations").fetchone()[0]
    copy(database, original)
    say("size before", steps=steps, **size(database))

    status, words, seconds = admin(new, "migrate", database)
    say("migrate", status=status, seconds=f"{seconds:.2f}", words=words)
    say("size after", **size(database))
    status, words, took = admin(new, "check", database)
    say("check after", status=status, words=words, seconds=f"{took:.2f}")
    wanted = digest(database)

    if old:
        site.programs = new
        site.start_fcgi()
        after = reader.pages()
        site.stop_fcgi("chat-fcgi")
        same = sum(after[name].replace(b'"change":0,', b"", 1) == body for name, body in before.items())
        say("history", halls=len(reader.halls), answers=len(before), same_but_for_change=same)
        for name in ("chat-fcgi", "chat-push", "chat-admin"):
            status, words = start_beside(old, name, database, site.folder)
            say(f"old {name} beside it", status=status, words=words)
    kill_in_the_middle(new, original, site.folder, seconds, wanted, options.kills, chance)
    if old:
        write_meanwhile(site, old, new, original, reader)


def write_meanwhile(site, old, new, original, reader):
    """Daemons of the older version go on while chat-admin migrates beneath them, and somebody goes on saying something."""
    copy(original, site.database)
    site.programs = old
    site.start_fcgi()
    site.start_push()
    hall = reader.halls[0]
    writer = Writer(site, reader.cookies[reader.members[hall][0] - 1], hall)
    writer.start()
    time.sleep(1)
    moment = time.monotonic()
    status, _, seconds = admin(new, "migrate", site.database)
    time.sleep(2)
    writer.ends.set()
    writer.join()
    say("migrated beneath the old daemons", status=status, seconds=f"{seconds:.2f}")
    for line in writer.figures(moment):
        say("  a writer of the old version", attempts=line)
    longest = max(ended - began for began, ended, _ in writer.attempts)
    with contextlib.closing(sqlite3.connect(site.database)) as connection:
        said = connection.execute("SELECT COUNT(*) FROM messages WHERE client_key LIKE 'w-%'").fetchone()[0]
    thanked = sum(code == "201" for _, _, code in writer.attempts)
    say("  altogether", acknowledged=thanked, kept=said, longest=f"{longest:.2f} s")
    for name in ("chat-fcgi", "chat-push"):
        log = (site.folder / f"{name}.log").read_text(errors="replace").splitlines()
        say(f"  old {name}", status=site.processes[name].poll(), last_words=log[-1:])
    say("  check", status=admin(new, "check", site.database)[:2])


if __name__ == "__main__":
    main()
