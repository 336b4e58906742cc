# SPDX-License-Identifier: Apache-2.0
"""A database of an older version, made without that version's programs: steps of the schema that were shipped are never
edited, so that the first of them are what it had. Filled with people, halls and messages as chat-admin check wants them."""

import contextlib
import hashlib
import os
import pathlib
import random
import re
import shutil
import sqlite3
import subprocess
import time

SOURCES = pathlib.Path(__file__).resolve().parents[1] / "Sources/ChatModels"
# Behind these, steps are more than SQL.
PLAIN_STEPS = 5
THEN = "2026-01-01T00:00:00.000Z"
FILES = ("", "-wal", "-shm")


def steps():
    """The schema's first steps in their order: a name and its SQL each."""
    found = {}
    for file in SOURCES.rglob("*.swift"):
        for name, number, sql in re.findall(r'"((\d+) [^"\n]+)"[^"]*?"""\n(.*?)"""', file.read_text(), re.DOTALL):
            found[int(number)] = (name, sql)
    assert all(number in found for number in range(1, PLAIN_STEPS + 1)), f"no steps of the schema in {SOURCES}"
    return [found[number] for number in range(1, PLAIN_STEPS + 1)]


def make(path, count=PLAIN_STEPS):
    """Makes an empty database of the version that had so many steps."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
        for name, sql in steps()[:count]:
            database.executescript(sql)
            database.execute("INSERT INTO grdb_migrations VALUES (?)", (name,))
            database.commit()


def fill(seed, people, halls, messages, seats=10, chance=None):
    """Fills an empty database of a version from step 2 on, which a `Seed` has open: each person in some halls, messages of
    all halls as they come, some halls with many and some with few. Returns the people's cookies, and each hall's members."""
    chance = chance or random.Random(1)
    database, cookies = seed.database, seed.people(people)
    seed.halls(halls)
    members = {hall: [] for hall in range(1, halls + 1)}
    for person in range(1, people + 1):
        for hall in chance.sample(range(1, halls + 1), min(seats, halls)):
            members[hall].append(person)
    for inside in members.values():
        inside += [] if inside else [1]
    seed.seats((person, hall) for hall, inside in members.items() for person in inside)
    database.executemany(
        "UPDATE user_halls SET role = 'owner' WHERE user_id = ? AND hall_id = ?",
        ((inside[0], hall) for hall, inside in members.items()),
    )
    positions = {hall: (0, None) for hall in members}
    database.executemany(
        "INSERT INTO messages (id, hall_id, sender_id, content, created_at, rev, client_key, previous_id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        _messages(messages, halls, members, positions, chance),
    )
    database.executemany(
        "UPDATE halls SET rev = ?, last_message_id = ? WHERE id = ?",
        ((rev, last, hall) for hall, (rev, last) in positions.items()),
    )
    # What kind of entry it is has had several names.
    kind = [row[1] for row in database.execute("PRAGMA table_info(changes)")][1]
    database.execute(
        f"INSERT INTO changes ({kind}, hall_id, message_id) "
        "SELECT 'message', hall_id, id FROM messages WHERE id > ? ORDER BY id",
        (messages - 100_000,),
    )
    return cookies, members


def _messages(count, halls, members, positions, chance):
    text = "The tomatoes need water today, «it will be 34 degrees» – 水やり. " * 3
    for number in range(1, count + 1):
        # The square makes some halls many times as busy as others.
        hall = 1 + int(chance.random() ** 2 * halls)
        rev, last = positions[hall]
        positions[hall] = (rev + 1, number)
        key = f"k-{number}" if number % 2 else None
        content = text[number % 40 : number % 40 + 20 + number * 7919 % 120]
        yield number, hall, chance.choice(members[hall]), content, THEN, rev + 1, key, last


# --- What becomes of it ------------------------------------------------------------------------------------------------


def admin(programs, verb, database):
    """Runs chat-admin; returns how it ended, what it said, and how many seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        [programs / "chat-admin", verb, "--database", database], env=_environment(), capture_output=True, text=True
    )
    return done.returncode, (done.stdout + done.stderr).strip().splitlines(), time.monotonic() - began


def size(database):
    return {f"halls.db{end}": _bytes(f"{database}{end}") for end in FILES[:2]}


def _bytes(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def copy(source, target):
    for end in FILES:
        pathlib.Path(f"{target}{end}").unlink(missing_ok=True)
    shutil.copyfile(source, target)


def digest(database):
    """The schema and all rows, but for what is of the moment or of chance."""
    total = hashlib.blake2b()
    with contextlib.closing(sqlite3.connect(database)) as connection:
        tables = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        for name, sql in tables:
            total.update(repr((name, sql)).encode())
            if sql and sql.startswith("CREATE TABLE") and name != "instance":
                order = "1, 2" if "," in sql else "1"
                for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY {order}'):
                    total.update(repr(row).encode())
    return total.hexdigest()


def _environment():
    """Without variables that set flags of the programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HALLS_")}
