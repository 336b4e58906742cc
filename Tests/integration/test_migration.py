# SPDX-License-Identifier: Apache-2.0
"""A database of an older version is brought up to this one: nothing of it is lost, whatever ends the migration.

The same at the size of a large site, beside daemons of the older version: Benchmarks/migration.py.
"""

import contextlib
import importlib.util
import random
import sqlite3
import subprocess
import time

import pytest
import requests

from halls_site import BIN, ROOT, clean_environment


def benchmarks(name):
    """A module of the benchmarks. Some of ours have the same names."""
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", ROOT / f"Benchmarks/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


older = benchmarks("older")
Seed = benchmarks("seed").Seed
PEOPLE, HALLS, MESSAGES = 60, 12, 4_000


@pytest.fixture
def old_site(make_site):
    """A site that is not started, with a database of five steps; the cookies of its people, and who is in which hall."""
    site = make_site.unstarted()
    older.make(site.database)
    with Seed(site.database) as seed:
        return site, *older.fill(seed, PEOPLE, HALLS, MESSAGES)


def rows(database, sql):
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def history(site, hall, cookie):
    """All messages of a hall as a member reads them, oldest first, and the last page."""
    messages, page, before = [], {"has_more": True}, ""
    while page["has_more"]:
        answer = requests.get(
            f"{site.url}/chat/messages/{hall}?limit=200{before}", headers={"Cookie": cookie}, timeout=10
        )
        assert answer.status_code == 200, answer.text
        page = answer.json()
        messages = page["messages"] + messages
        before = f"&before={messages[0]['id']}" if messages else ""
    return messages, page


def test_the_whole_history_is_there_after_a_migration(old_site):
    site, cookies, members = old_site
    told = rows(site.database, "SELECT hall_id, id, rev, sender_id, content, created_at FROM messages ORDER BY id")

    site.start()

    assert "is sound" in site.admin("check").stdout
    for hall, inside in members.items():
        messages, page = history(site, hall, cookies[inside[0] - 1])
        names = ("id", "rev", "sender_id", "content", "created_at")
        assert [tuple(m[name] for name in names) for m in messages] == [row[1:] for row in told if row[0] == hall]
        assert not any({"change", "edited_at", "deleted"} & m.keys() for m in messages)
        assert (page["rev"], page["change"]) == (len(messages), 0)


def test_what_was_said_before_a_migration_is_edited_and_deleted_like_the_rest(old_site):
    site, cookies, members = old_site
    site.start()
    hall, inside = max(members.items(), key=lambda item: len(item[1]))
    messages, _ = history(site, hall, cookies[inside[0] - 1])
    first, last = messages[0], messages[-1]

    def ask(method, message, **options):
        headers = {"Cookie": cookies[message["sender_id"] - 1], "Origin": site.url}
        address = f"{site.url}/chat/messages/{hall}/{message['id']}"
        answer = requests.request(method, address, headers=headers, timeout=10, **options)
        assert answer.status_code == 200, answer.text

    ask("PATCH", first, json={"content": "as it should have been"})
    ask("DELETE", last)

    after, page = history(site, hall, cookies[inside[0] - 1])
    assert (after[0]["content"], after[0]["change"]) == ("as it should have been", 1)
    assert (after[-1]["content"], after[-1]["deleted"], after[-1]["change"]) == ("", "sender", 2)
    assert [m["id"] for m in after] == [m["id"] for m in messages]
    assert site.admin("check").returncode == 0


def test_a_migration_that_is_killed_is_done_by_the_next_one(old_site, tmp_path):
    site, _, _ = old_site
    with contextlib.closing(sqlite3.connect(site.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    target, wanted = tmp_path / "halls.db", tmp_path / "wanted.db"
    older.copy(site.database, wanted)
    began = time.monotonic()
    assert older.admin(BIN, "migrate", wanted)[0] == 0
    seconds = time.monotonic() - began
    wanted = older.digest(wanted)

    for _ in range(8):
        older.copy(site.database, target)
        command = [BIN / "chat-admin", "migrate", "--database", target]
        process = subprocess.Popen(command, env=clean_environment(), stdout=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(random.uniform(0, seconds))
        process.kill()
        process.wait()

        status, words, _ = older.admin(BIN, "migrate", target)

        assert status == 0, words
        assert older.admin(BIN, "check", target)[0] == 0
        assert older.digest(target) == wanted


def test_who_said_something_before_a_migration_may_say_it_again(old_site):
    # A retry under the same key, from before to after: no second message.
    site, cookies, _ = old_site
    site.start()
    (hall, message, sender, content, key), = rows(
        site.database,
        "SELECT hall_id, id, sender_id, content, client_key FROM messages WHERE client_key IS NOT NULL "
        "ORDER BY id DESC LIMIT 1",
    )  # fmt: skip

    answer = requests.post(
        f"{site.url}/chat/messages/{hall}", json={"content": content, "client_key": key}, timeout=10,
        headers={"Cookie": cookies[sender - 1], "Origin": site.url},
    )  # fmt: skip

    assert (answer.status_code, answer.json()["message"]["id"]) == (200, message)
