# SPDX-License-Identifier: Apache-2.0
"""What the daemons tell the operator of themselves."""

import re
import socket

import requests

from halls_site import free_port, wait_until
from listener import Listener, enter, found


def figures(port):
    """All figures by their names, labels included."""
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {name: float(value) for name, value in re.findall(r"^([a-z].*) (\S+)$", answer.text, re.MULTILINE)}


def test_what_is_said_and_to_whom_can_be_read_in_the_metrics(make_site):
    port = free_port()
    site = make_site(flags={"metrics": f"127.0.0.1:{port}"})
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana)
    enter(hall, ben)
    before = figures(port)
    one, two = Listener(ana, transports=["websocket"]), Listener(ben, transports=["websocket"])
    for listener in (one, two):
        assert listener.join(hall)["ok"]

    one.say(hall, "by socket")
    ana.post(f"/chat/messages/{hall['id']}", json={"content": "by REST"})
    two.wait_for("by REST")

    now = figures(port)
    grown = {name: value - before.get(name, 0) for name, value in now.items()}
    assert now["halls_push_connections"] == 2
    assert sum(now[f'halls_push_clients{{loop="{loop}"}}'] for loop in (0, 1)) == 2
    assert grown["halls_push_messages_committed_total"] == 1
    assert grown["halls_push_deliveries_total"] == 4
    assert grown["halls_push_log_entries_total"] >= 1
    assert now["process_open_fds"] < now["process_max_fds"]
    assert 1 << 20 < now["process_resident_memory_bytes"] < 1 << 30
    for listener in (one, two):
        listener.close()
    closed = 'halls_push_sessions_closed_total{reason="transport_close"}'
    wait_until(lambda: figures(port)[closed] - before[closed] == 2, what="two sessions closed")


def test_every_figure_has_a_help_and_a_type(make_site):
    port = free_port()
    make_site(flags={"metrics": f"127.0.0.1:{port}"})

    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text

    helps = re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE)
    types = re.findall(r"^# TYPE (\S+) \S", text, re.MULTILINE)
    assert helps == types and len(set(helps)) == len(helps)
    samples = re.findall(r"^([a-z_]+)", text, re.MULTILINE)
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in samples} == set(helps)


def test_health_says_that_all_is_well_and_the_metrics_are_not_for_the_public(make_site):
    port = free_port()
    site = make_site(flags={"metrics": f"127.0.0.1:{port}"})

    assert requests.get(f"http://127.0.0.1:{port}/health", timeout=10).text == "ok\n"
    assert site.get("/metrics").status_code == 404
    assert site.get("/socket.io/metrics").status_code == 404


def test_what_is_asked_over_rest_can_be_read_in_the_metrics_of_chat_fcgi(make_site):
    port = free_port()
    site = make_site(flags={"fcgi-metrics": f"127.0.0.1:{port}", "threads": 3})
    ana = site.person("ana")
    hall = found(ana)
    for _ in range(2):
        ana.post(f"/chat/messages/{hall['id']}", json={"content": "by REST"})
    assert site.post("/chat/login", json={"username": "ana", "password": "wrong"}, headers={"Origin": site.url}).status_code == 401
    site.get("/chat/nowhere/12345")

    now = figures(port)

    assert now['halls_fcgi_requests_total{route="POST messages/<id>",status="201"}'] == 2
    assert now['halls_fcgi_requests_total{route="POST login",status="401"}'] == 1
    assert now['halls_fcgi_requests_total{route="none",status="404"}'] == 1
    assert not any("12345" in name for name in now)
    assert now["halls_fcgi_request_seconds_count"] >= 5
    assert now['halls_fcgi_passwords_total{result="passed"}'] == 2
    assert (now["halls_fcgi_threads"], now["halls_fcgi_writing_fails"]) == (3, 0)
    # A thread that has answered may still be about to wait for the next request.
    wait_until(lambda: figures(port)["halls_fcgi_threads_busy"] == 0, 20, "all threads at rest")
    assert now["process_open_fds"] < now["process_max_fds"]
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    helps = re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE)
    assert helps == re.findall(r"^# TYPE (\S+) \S", text, re.MULTILINE) and len(set(helps)) == len(helps)
    assert requests.get(f"http://127.0.0.1:{port}/health", timeout=10).text == "ok\n"
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=10).status_code == 404
    assert site.get("/chat/metrics").status_code == 404


def test_whoever_is_slow_at_the_metrics_of_chat_fcgi_keeps_nobody_from_them_for_long(make_site):
    port = free_port()
    site = make_site(flags={"fcgi-metrics": f"127.0.0.1:{port}"})

    with socket.create_connection(("127.0.0.1", port)) as slow, socket.create_connection(("127.0.0.1", port)) as odd:
        slow.sendall(b"GET /metr")
        odd.sendall(b"POST /metrics HTTP/1.1\r\n\r\n")
        assert figures(port)

        assert odd.recv(12) == b"HTTP/1.1 405" and slow.recv(1) == b""
    assert site.stop("chat-fcgi") == 0
