# SPDX-License-Identifier: Apache-2.0
"""What a browser has already is not sent again (RFC 9110 §13), through real nginx, compressed or not."""

import pytest


@pytest.fixture
def garden(make_site):
    """A hall of two people with something to compress in it."""
    site = make_site(flags={"sends-per-second": 1000})
    ana, ben = site.person("ana"), site.person("ben")
    hall = ana.post("/chat/halls", json={"name": "Garden"}).json()["hall"]["id"]
    ben.post("/chat/halls/join", json={"hall_id": hall})
    for number in range(60):
        ana.post(f"/chat/messages/{hall}", json={"content": f"Roses {number} " * 9, "client_key": f"k{number}"})
    return site, ana, ben, hall


def addresses(hall):
    return [f"/chat/messages/{hall}{query}" for query in ("", "?limit=3", "?before=20", "?since_rev=59")] + ["/chat/halls"]


def again(person, path, answer, encoding="gzip"):
    return person.get(path, headers={"If-None-Match": answer.headers["ETag"], "Accept-Encoding": encoding})


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_an_unchanged_answer_is_not_sent_again(garden, encoding):
    site, ana, ben, hall = garden
    for path in addresses(hall):
        first = ana.get(path, headers={"Accept-Encoding": encoding})
        assert first.status_code == 200
        assert first.headers["Cache-Control"] == "private, no-cache"
        assert "Cookie" in first.headers["Vary"]
        if path == f"/chat/messages/{hall}" and encoding == "gzip":
            assert first.headers["Content-Encoding"] == "gzip"
            assert first.headers["ETag"].startswith("W/")

        second = again(ana, path, first, encoding)

        assert second.status_code == 304, path
        assert second.content == b""
        assert second.headers["ETag"].removeprefix("W/") == first.headers["ETag"].removeprefix("W/")
        assert second.headers["Cache-Control"] == "private, no-cache"
        assert "Cookie" in second.headers["Vary"]
        assert "Content-Type" not in second.headers and "Content-Length" not in second.headers
        assert ana.get(path).content == first.content


def test_a_new_message_a_restart_and_another_reader_are_seen(garden):
    site, ana, ben, hall = garden
    path = f"/chat/messages/{hall}"
    first = ana.get(path)
    bens = again(ben, path, first)
    assert bens.status_code == 200
    assert not any("client_key" in message for message in bens.json()["messages"])

    site.restart("chat-fcgi")
    assert again(ana, path, first).status_code == 304

    site.admin("messages", "send", str(hall), "ben", input="New")
    second = again(ana, path, first)
    assert second.status_code == 200
    assert second.json()["messages"][-1]["content"].strip() == "New"


def test_who_lost_the_hall_or_the_session_is_told_so(garden):
    site, ana, ben, hall = garden
    path = f"/chat/messages/{hall}"
    first, halls = ben.get(path), ben.get("/chat/halls")
    site.admin("members", "remove", str(hall), "ben")
    assert again(ben, path, first).status_code == 403
    assert again(ben, "/chat/halls", halls).json() == {"halls": []}

    first = ana.get(path)
    ana.post("/chat/logout", json={})
    gone = again(ana, path, first)
    assert gone.status_code == 401
    assert gone.headers["Cache-Control"] == "no-store"


def test_a_backup_that_is_put_back_is_another_past(garden):
    site, ana, ben, hall = garden
    path = f"/chat/messages/{hall}"
    backup = site.folder / "backup.db"
    site.admin("backup", str(backup))
    ana.post(path, json={"content": "Before"})
    first = ana.get(path)
    for name in ("chat-push", "chat-fcgi"):
        site.stop(name)
    for suffix in ("-wal", "-shm"):
        site.database.with_name(site.database.name + suffix).unlink(missing_ok=True)
    backup.replace(site.database)
    site.start("chat-push", "chat-fcgi")
    ana.post(path, json={"content": "After"})

    second = again(ana, path, first)

    assert second.status_code == 200
    assert second.json()["rev"] == first.json()["rev"]
    assert second.json()["messages"][-1]["content"] == "After"
