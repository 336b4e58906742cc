# SPDX-License-Identifier: Apache-2.0
"""nginx and the real daemons together: that they fit, and what happens when one of them is restarted or dies."""

import collections
import json
import re
import subprocess
import threading
import time

import pytest
import requests
import websocket

from halls_site import ROOT, wait_until
from test_nginx import assert_secure

POLLING = "/socket.io/?EIO=4&transport=polling"


def handshake(site):
    """What chat-push says first to a new connection."""
    answer = site.get(POLLING)
    assert answer.status_code == 200 and answer.text.startswith("0")
    return json.loads(answer.text[1:])


def nginx_value(name):
    return int(re.search(rf"\b{name} (\d+)[sm];", (ROOT / "nginx/own/socket.io.conf").read_text())[1])


def test_nginx_waits_longer_than_chat_push_and_takes_its_largest_payload(shared_site):
    said = handshake(shared_site)

    assert nginx_value("proxy_read_timeout") * 1000 > said["pingInterval"] + said["pingTimeout"] + 10_000
    assert nginx_value("client_max_body_size") * 2**20 >= said["maxPayload"]


def test_answers_of_the_daemons_carry_the_security_headers_once(shared_site):
    for path in ("/chat/health", "/chat/me", "/chat/absent", POLLING, "/socket.io/?EIO=3&transport=polling"):
        assert_secure(shared_site.get(path))


@pytest.mark.parametrize("name", ["chat-fcgi", "chat-push"])
def test_a_daemon_ends_at_once_and_with_success_when_told_to(site, name):
    ana = site.person("ana")
    ana.post("/chat/halls", json={"name": "Garden"})
    ana.socket()

    assert site.stop(name, seconds=5) == 0


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_new_chat_fcgi_goes_on_where_the_old_one_was_and_drops_no_socket(site, end):
    ana = site.person("ana")
    hall = ana.post("/chat/halls", json={"name": "Garden"}).json()["hall"]
    socket = ana.socket(transports=["websocket"])
    received = []
    socket.on("new_message", received.append)
    assert socket.call("join_hall", {"hall_id": hall["id"]})["ok"]

    getattr(site, end)("chat-fcgi")
    assert ana.get("/chat/halls").status_code == 503
    site.start("chat-fcgi")

    assert ana.post(f"/chat/messages/{hall['id']}", json={"content": "still here"}).status_code == 201
    wait_until(lambda: [message["content"] for message in received] == ["still here"])
    assert socket.connected
    socket.disconnect()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_clients_come_back_to_a_new_chat_push(site, end):
    ana = site.person("ana")
    hall = ana.post("/chat/halls", json={"name": "Garden"}).json()["hall"]
    socket = ana.socket(connect=False, reconnection=True)
    connected = []
    socket.on("connect", lambda: connected.append(True))
    socket.connect(site.url, wait_timeout=10)

    getattr(site, end)("chat-push")
    assert ana.post(f"/chat/messages/{hall['id']}", json={"content": "meanwhile"}).status_code == 201
    site.start("chat-push")

    wait_until(lambda: len(connected) == 2, 20, "the client's return")
    answer = socket.call("join_hall", {"hall_id": hall["id"], "since_rev": 0})
    assert [message["content"] for message in answer["messages"]] == ["meanwhile"]
    socket.disconnect()


def statuses_while(site, disturb, writers=0):
    """The statuses of all requests that four clients send while `disturb()` runs; so many of them write messages."""
    ana = site.person("ana")
    hall = ana.post("/chat/halls", json={"name": "Garden"}).json()["hall"]
    statuses, done = collections.Counter(), threading.Event()

    def ask(writes):
        session = requests.Session()
        session.cookies, session.headers["Origin"] = ana.cookies, site.url
        while not done.is_set():
            if writes:
                answer = session.post(f"{site.url}/chat/messages/{hall['id']}", json={"content": "hello"}, timeout=10)
            else:
                answer = session.get(site.url + "/chat/halls", timeout=10)
            statuses[answer.status_code] += 1

    asking = [threading.Thread(target=ask, args=(number < writers,)) for number in range(4)]
    for thread in asking:
        thread.start()
    try:
        disturb()
    finally:
        done.set()
        for thread in asking:
            thread.join()
    return statuses


def test_while_chat_fcgi_restarts_no_request_fails_but_with_busy(site):
    def restart():
        for _ in range(3):
            assert site.restart("chat-fcgi") == 0

    assert set(statuses_while(site, restart)) <= {200, 503}


def test_a_chat_fcgi_that_ends_serves_its_own_socket_until_the_last_moment(make_site):
    site = make_site(flags={"sends-per-second": 100_000})
    # nginx keeps the connection of a GET, for which a chat-fcgi that ends waits a while: nobody may fail meanwhile.
    assert site.get("/chat/health").status_code == 200
    gaps = []

    def stop():
        process = site.processes["chat-fcgi"]
        process.terminate()
        wait_until(lambda: not (site.folder / "fcgi.sock").exists())
        vanished = time.monotonic()
        assert process.wait(10) == 0
        gaps.append(time.monotonic() - vanished)
        site.start("chat-fcgi")

    statuses = statuses_while(site, stop, writers=4)

    assert set(statuses) <= {201, 503} and statuses[201] > 0
    # From the end of the one to the start of the other; it took 0.3 s and more.
    assert gaps[0] < 0.25


@pytest.mark.parametrize("name", ["chat-fcgi", "chat-push"])
def test_a_daemon_that_starts_on_a_full_disk_says_so(make_site, name):
    site = make_site.unstarted()
    site.admin("migrate")

    # Files that may not grow are to SQLite as a disk without room, and want no disk.
    done = subprocess.run(
        ["prlimit", "--fsize=4096", *map(str, site.command(name))],
        env=site.environment, capture_output=True, text=True, timeout=20,
    )  # fmt: skip

    assert done.returncode == 1
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert f"The database at {site.database} cannot be used: its disk is full" in line and "df" in line


def test_a_restart_of_chat_fcgi_behind_a_socket_unit_fails_no_request(make_site):
    site = make_site(activated=True, flags={"sends-per-second": 100_000})

    def restart():
        for _ in range(15):
            assert site.restart("chat-fcgi") == 0

    assert set(statuses_while(site, restart, writers=3)) == {200, 201}


def test_a_chat_fcgi_that_is_killed_behind_a_socket_unit_fails_only_what_it_was_answering(make_site):
    site = make_site(activated=True)

    def kill():
        for _ in range(5):
            site.kill("chat-fcgi")
            site.start("chat-fcgi")

    statuses = statuses_while(site, kill)
    assert set(statuses) <= {200, 503}
    # Each of the four clients had one request under way, five times.
    assert statuses[503] <= 4 * 5


def test_another_site_can_neither_write_nor_connect(shared_site):
    evil = {"Origin": "https://evil.example"}

    answer = shared_site.post("/chat/login", json={"username": "a", "password": "b"}, headers=evil)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
    assert shared_site.get(POLLING, headers=evil).status_code in (400, 403)
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(
            f"ws://{shared_site.host}/socket.io/?EIO=4&transport=websocket", origin=evil["Origin"], timeout=5
        )


def test_with_the_sites_own_login_a_person_is_whom_nginx_names(make_site):
    site = make_site(flags={"auth": "site"}, server="set $halls_user ana;")

    answer = site.get("/chat/me", headers={"X-Remote-User": "admin"})

    assert answer.json()["user"]["username"] == "ana" and answer.json()["login"] == "site"
    assert site.post("/chat/login", json={}, headers={"Origin": site.url}).status_code == 404


def test_with_the_sites_own_login_nobody_is_anybody_unless_nginx_says_so(make_site):
    site = make_site(flags={"auth": "site"})

    assert site.get("/chat/me", headers={"X-Remote-User": "admin"}, auth=("admin", "guess")).status_code == 401


def test_a_backup_is_a_sound_database_with_everything_in_it(site):
    ana = site.person("ana")
    hall = ana.post("/chat/halls", json={"name": "Garden"}).json()["hall"]
    ana.post(f"/chat/messages/{hall['id']}", json={"content": "keep this"})

    copy = site.folder / "copy.db"
    site.admin("backup", copy)
    site.stop("chat-push")
    site.stop("chat-fcgi")
    for name in ("halls.db", "halls.db-wal", "halls.db-shm"):
        (site.folder / name).unlink(missing_ok=True)
    copy.rename(site.database)
    site.admin("check")
    site.start("chat-push", "chat-fcgi")

    messages = ana.get(f"/chat/messages/{hall['id']}").json()["messages"]
    assert [message["content"] for message in messages] == ["keep this"]
