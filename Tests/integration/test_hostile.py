# SPDX-License-Identifier: Apache-2.0
"""Those who are slow, silent, too many or mean it ill: each meets a bound and a reason, and the others go on."""

import concurrent.futures
import http.client
import json
import random
import re
import resource
import selectors
import subprocess
import time

import pytest

from halls_site import free_port, token_of, wait_until
from listener import Listener, enter, found
from swarm import Bare, Swarm, anonymous_bytes, forget_most_bytes, frame, most_bytes, open_socket, resident_bytes, unfinished
from test_metrics import figures

REFUSED = 'halls_push_refused_total{reason="%s"}'
CLOSED = 'halls_push_sessions_closed_total{reason="%s"}'


@pytest.fixture
def watched(make_site):
    """Makes a site whose figures are at hand: `site.figure(name)`, and where chat-push listens: `site.push`."""

    def make(**flags):
        port = free_port()
        flags = {name.replace("_", "-"): value for name, value in flags.items()}
        site = make_site(flags=flags | {"metrics": f"127.0.0.1:{port}"})
        site.push = site.folder / "push.sock"
        site.figure = lambda name: figures(port)[name]
        site.becomes = lambda name, value: wait_until(
            lambda: site.figure(name) >= value, 30, f"{name} of {value}, which is {site.figure(name)},"
        )
        return site

    return make


# --- Slow and silent -------------------------------------------------------------------------------------------------


def test_who_reads_nothing_is_closed_at_the_bound_and_the_others_get_everything(watched):
    site = watched(queue_bytes_max=100_000, sends_per_second=1000)
    ana, ben, eve = (site.person(name) for name in ("ana", "ben", "eve"))
    hall = found(ana)
    enter(hall, ben, eve)
    ana, ben = Listener(ana, transports=["websocket"]), Listener(ben, transports=["websocket"])
    for listener in (ana, ben):
        assert listener.join(hall)["ok"]
    slow = Bare(site.push, token_of(eve), buffer=4096).sign_in().join(hall)

    for number in range(200):
        ana.say(hall, f"{number} " + "x" * 3000)

    ben.wait_for("199 " + "x" * 3000)
    assert len(ben.messages) == 200
    site.becomes(CLOSED % "too_slow", 1)
    assert site.figure("halls_push_connections") == 2
    for client in (ana, ben, slow):
        client.close()


def test_who_drips_a_request_is_let_go_in_time_and_the_others_are_served(watched):
    site = watched(request_timeout=1000)
    ana = site.person("ana")
    dripping = [open_socket(site.push) for _ in range(50)]
    for connection in dripping:
        connection.sendall(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: ")
    began = time.monotonic()

    gone = []
    while len(gone) < len(dripping):
        assert time.monotonic() - began < 10
        for connection in set(dripping) - set(gone):
            try:
                connection.send(b"a")
            except OSError:
                gone.append(connection)
        time.sleep(0.05)

    site.becomes('halls_push_requests_broken_off_total{reason="timed_out"}', 50)
    Listener(ana, transports=["websocket"]).close()


def test_who_reads_a_large_answer_slowly_gets_all_of_it(watched):
    """nginx asks for each poll over a connection of its own, and reads only as fast as its client does."""
    site = watched(sends_per_second=1000)
    ana = site.person("ana")
    hall = found(ana)
    talker = Listener(ana, transports=["websocket"])
    for number in range(120):
        talker.say(hall, "x" * 3500 + str(number))

    def ask(method, query, body=b""):
        connection = open_socket(site.push)
        connection.sendall(
            f"{method} /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            f"Cookie: halls_session={token_of(ana)}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )  # fmt: skip
        return connection

    def read(connection):
        data = b""
        while part := connection.recv(65536):
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        return int(re.search(rb"content-length: (\d+)", head.lower())[1]), body

    sid = json.loads(read(ask("GET", ""))[1][1:])["sid"]
    read(ask("POST", f"&sid={sid}", b"40"))
    assert b'40{"sid"' in read(ask("GET", f"&sid={sid}"))[1]
    join = f'420["join_hall",{{"hall_id":{hall["id"]},"since_rev":0}}]'
    read(ask("POST", f"&sid={sid}", join.encode()))
    slow = ask("GET", f"&sid={sid}")
    time.sleep(3)
    length, body = read(slow)

    assert length > 400_000
    assert len(body) == length
    talker.close()


def test_who_answers_no_ping_is_let_go(watched):
    site = watched(ping_interval=300, ping_timeout=200)
    ana = site.person("ana")
    silent = Bare(site.push, token_of(ana)).sign_in()

    silent.hear_all()

    assert site.figure(CLOSED % "ping_timeout") == 1
    assert site.figure("halls_push_connections") == 0


def test_a_crowd_that_never_signs_in_is_let_go_and_the_others_are_served_meanwhile(watched):
    """Ten thousand, as far as this machine has descriptors for both ends."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    count = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1_000)
    site = watched(connect_timeout=6_000, handshakes_per_second=1_000_000)
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana)
    enter(hall, ben)
    pid = site.pid("chat-push")
    empty = resident_bytes(pid)
    crowd = Swarm(site.push, ["nobody"], [("101 Switching", [])]).connect(count)

    assert site.figure("halls_push_sessions_opened_total") == count
    one, two = Listener(ana, transports=["websocket"]), Listener(ben, transports=["websocket"])
    assert one.join(hall)["ok"] and two.join(hall)["ok"]
    one.say(hall, "Hello")
    two.wait_for("Hello")

    taken = resident_bytes(pid) - empty
    site.becomes(CLOSED % "connect_timeout", count)
    assert site.figure("halls_push_connections") == 2
    # A connection takes some kilobytes, and what the crowd took is the system's again, if it is worth it.
    assert taken < count * 5_000
    wait_until(lambda: resident_bytes(pid) - empty < max(taken / 2, 4 << 20), 60, f"half of {taken >> 20} MB")
    for client in (crowd, one, two):
        client.close()


# --- Half of everything ----------------------------------------------------------------------------------------------


def send_as_far_as_it_goes(connections, data):
    """Sends the same over many connections at once, to each as much as is taken."""
    selector, left = selectors.EpollSelector(), {}
    for connection in connections:
        connection.setblocking(False)
        left[connection] = memoryview(data)
        selector.register(connection, selectors.EVENT_WRITE)
    while left:
        for key, _ in selector.select(10):
            connection = key.fileobj
            try:
                left[connection] = left[connection][connection.send(left[connection]) :]
            except OSError:
                left[connection] = b""
            if not left[connection]:
                del left[connection]
                selector.unregister(connection)
    selector.close()


def test_messages_without_an_end_cost_next_to_nothing_before_one_has_signed_in(watched):
    site = watched()
    ana = site.person("ana")
    hall = found(ana)
    pid = site.pid("chat-push")
    Bare(site.push, token_of(ana)).sign_in().join(hall).close()
    crowd = [Bare(site.push) for _ in range(400)]
    for client in crowd:
        client.hear_until("\r\n\r\n")
    before = resident_bytes(pid)
    forget_most_bytes(pid)

    send_as_far_as_it_goes([client.connection for client in crowd], unfinished(999_000, 990_000))

    site.becomes(CLOSED % "too_large", 400)
    assert most_bytes(pid) - before < 16 << 20
    # RFC 6455 §7.4.1: 1009, too large.
    crowd[0].connection.settimeout(10)
    assert crowd[0].hear_all().endswith(b"\x88\x02" + (1009).to_bytes(2, "big"))
    for client in crowd:
        client.close()


def test_what_one_address_has_begun_to_send_is_bounded_and_another_goes_on(watched):
    site = watched(unfinished_bytes_max=8_000_000)
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana)
    enter(hall, ben)
    crowd = [Bare(site.push, token_of(ana), {"X-Real-IP": "192.0.2.1"}).sign_in() for _ in range(40)]

    send_as_far_as_it_goes([client.connection for client in crowd], unfinished(30_000, 30_000))

    site.becomes(CLOSED % "overloaded", 20)
    assert site.figure('halls_push_bytes_held{what="unfinished"}') <= 1_000_000
    assert site.figure('halls_push_bytes_refused_total{what="unfinished"}') >= 20
    Bare(site.push, token_of(ben), {"X-Real-IP": "192.0.2.2"}).sign_in().join(hall).close()
    for client in crowd:
        client.close()
    wait_until(lambda: site.figure('halls_push_bytes_held{what="unfinished"}') == 0)


def test_what_has_begun_has_to_be_whole_in_time(watched):
    site = watched(request_timeout=500)
    ana = site.person("ana")
    client = Bare(site.push, token_of(ana)).sign_in()

    client.connection.sendall(unfinished(100, 100))

    assert client.hear_all().endswith(b"\x88\x02" + (1008).to_bytes(2, "big"))
    assert site.figure(CLOSED % "unfinished") == 1


def test_what_those_who_read_nothing_wait_for_is_bounded_for_all_of_them(watched):
    site = watched(backlog_bytes_max=4_000_000, sends_per_second=1000)
    ana, eve = site.person("ana"), site.person("eve")
    hall = found(ana)
    enter(hall, eve)
    listener = Listener(ana, transports=["websocket"])
    assert listener.join(hall)["ok"]
    slow = [Bare(site.push, token_of(eve), buffer=4096).sign_in().join(hall) for _ in range(10)]

    for number in range(250):
        listener.say(hall, f"{number} " + "x" * 3900)

    listener.wait_for("249 " + "x" * 3900)
    # None of them had as much waiting as one may have.
    site.becomes(CLOSED % "too_slow", 1)
    assert site.figure('halls_push_bytes_held{what="backlog"}') <= 1_000_000
    for client in (listener, *slow):
        client.close()


def test_files_that_may_not_grow_end_nothing(watched):
    site = watched(sends_per_second=1000)
    ana = site.person("ana")
    hall = found(ana)
    listener = Listener(ana, transports=["websocket"])
    assert listener.join(hall)["ok"]
    listener.say(hall, "before")
    pids = [site.pid("chat-push"), site.pid("chat-fcgi")]
    path = f"/chat/messages/{hall['id']}"

    bytes_now = max(file.stat().st_size for file in site.folder.glob("*.db*"))
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (bytes_now, resource.RLIM_INFINITY))
    refusals = set()
    for number in range(30):
        refusals.add(listener.call("send_message", {"hall_id": hall["id"], "content": "x" * 4000}).get("error", {}).get("code"))
        answer = ana.post(path, json={"content": f"{number}" + "x" * 3900})
        refusals.add("busy" if answer.status_code == 503 else answer.status_code)
    assert "busy" in refusals and refusals <= {"busy", None, 201}

    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    listener.say(hall, "after")
    assert ana.post(path, json={"content": "after that"}).status_code == 201
    assert [site.pid("chat-push"), site.pid("chat-fcgi")] == pids
    site.admin("check")
    listener.close()


# --- Too many --------------------------------------------------------------------------------------------------------


def test_a_flood_of_handshakes_is_told_to_come_again(watched):
    site = watched(handshakes_per_second=20)

    answers = [Bare(site.push, headers={"X-Real-IP": "192.0.2.1"}) for _ in range(100)]
    for answer in answers:
        answer.hear_until("\r\n\r\n")

    refused = [answer.heard for answer in answers if b" 101 " not in answer.heard]
    assert 50 <= len(refused) < 100
    assert all(b" 503 " in heard and b"Retry-After: " in heard for heard in refused)
    assert site.figure(REFUSED % "too_fast") == len(refused)


def test_an_address_has_so_many_connections_and_another_has_its_own(watched):
    site = watched(connections_per_address_max=10)

    first = [Bare(site.push, headers={"X-Real-IP": "192.0.2.1"}) for _ in range(15)]
    for client in first:
        client.hear_until("\r\n\r\n")
    other = Bare(site.push, headers={"X-Real-IP": "192.0.2.2"})

    assert sum(b" 429 " in client.heard and b"Retry-After: " in client.heard for client in first) == 5
    assert b" 101 " in other.hear_until("\r\n\r\n")
    assert site.figure(REFUSED % "address_full") == 5
    for client in first:
        client.close()
    wait_until(lambda: site.figure("halls_push_connections") == 1)
    assert b" 101 " in Bare(site.push, headers={"X-Real-IP": "192.0.2.1"}).hear_until("\r\n\r\n")


def test_the_server_has_so_many_connections(watched):
    site = watched(connections_max=10)

    clients = [Bare(site.push) for _ in range(15)]
    for client in clients:
        client.hear_until("\r\n\r\n")

    assert sum(b" 503 " in client.heard and b"Retry-After: " in client.heard for client in clients) == 5
    assert site.figure(REFUSED % "full") == 5


def test_a_person_has_so_many_connections(watched):
    site = watched(connections_per_user_max=5)
    ana = site.person("ana")
    clients = [Bare(site.push, token_of(ana)).sign_in() for _ in range(5)]

    one_more = Bare(site.push, token_of(ana))
    one_more.say("40")

    assert b"rate_limited" in one_more.hear_until("44{")
    assert site.figure(REFUSED % "user_full") == 1
    clients[0].close()
    wait_until(lambda: site.figure("halls_push_connections") == 5)
    Bare(site.push, token_of(ana)).sign_in()


@pytest.mark.parametrize(
    "event, what, flags",
    [
        ('["join_hall",{"hall_id":1}]', "join", {"joins_per_second": 5}),
        ('["send_message",{"hall_id":1,"content":"x"}]', "send", {"sends_per_second": 5}),
    ],
)
def test_a_flood_of_joins_or_messages_is_told_when_to_go_on(watched, event, what, flags):
    site = watched(**flags)
    ana = site.person("ana")
    found(ana)
    client = Bare(site.push, token_of(ana)).sign_in()

    client.say(*(f"42{number}{event}" for number in range(100)))
    client.hear_until("4399[")

    refused = client.heard.count(b'"rate_limited"')
    assert 0 < refused < 100 and client.heard.count(b'"retry_after":') == refused
    assert site.figure('halls_push_rate_limited_total{what="%s"}' % what) == refused


def order_and_leave(site, person, hall, positions):
    """Ninety connections of one person order as many reads of a hall as they can, and are gone."""
    crowd = [Bare(site.push, token_of(person)).sign_in() for _ in range(90)]
    orders = [
        b"".join(
            frame(f'42{i}["join_hall",{{"hall_id":{hall["id"]},"since_rev":{positions(number * 1000 + i)}}}]') for i in range(1000)
        )
        for number in range(len(crowd))
    ]
    for client, order in zip(crowd, orders):
        client.connection.settimeout(10)
        try:
            client.connection.sendall(order)
        except OSError:
            # Sent too much: it has been closed.
            pass
    # Who goes before it was heard has ordered nothing.
    wait_until(lambda: site.figure('halls_push_events_total{event="join_hall"}') > 5_000)
    for client in crowd:
        client.close()


@pytest.mark.parametrize("when", ["to come", "long past"])
def test_reads_that_one_person_orders_and_leaves_keep_nobody_waiting(watched, when):
    site = watched(sends_per_second=1000)
    ana, ben, eve = (site.person(name) for name in ("ana", "ben", "eve"))
    hall = found(ana)
    enter(hall, ben, eve)
    ben = Listener(ben, transports=["websocket"])
    assert ben.join(hall)["ok"]
    for number in range(300):
        ben.say(hall, f"{number}")

    order_and_leave(site, eve, hall, lambda number: 10**6 + number if when == "to come" else 199 - number % 200)
    began = time.monotonic()
    ben.say(hall, "here")
    answered = time.monotonic() - began
    newcomer = Listener(ana, transports=["websocket"])
    assert newcomer.join(hall)["ok"]

    print(f"others were answered after {answered * 1000:.0f} ms, a newcomer after {(time.monotonic() - began) * 1000:.0f} ms")
    wait_until(lambda: site.figure('halls_push_waiting{what="read"}') == 0)
    # Of ninety thousand, those that one person may have waiting.
    assert site.figure('halls_push_reads_total{what="changes"}') <= (0 if when == "to come" else 1_100)
    assert site.figure('halls_push_rate_limited_total{what="person_event"}') > 0
    for client in (ben, newcomer):
        client.close()


@pytest.mark.parametrize(
    "packet",
    ['42["sing"]', '421["leave_hall",{"hall_id":1}]', "40/elsewhere,", '42["send_message",{}]', "42[1]", '431["x"]', "3", "6"],
)
def test_a_flood_of_anything_ends_the_connection(watched, packet):
    site = watched(events_per_second=50)
    ana = site.person("ana")
    client = Bare(site.push, token_of(ana)).sign_in()

    client.say(*[packet] * 200)
    client.hear_all()

    # RFC 6455 §7.4.1: 1008, a policy was violated.
    assert client.heard.endswith(b"\x88\x02" + (1008).to_bytes(2, "big"))
    assert site.figure(CLOSED % "policy") == 1
    assert site.figure('halls_push_rate_limited_total{what="event"}') == 1


def test_acknowledgements_that_nobody_asked_for_change_nothing(watched):
    site = watched(events_per_second=1_000_000)
    ana = site.person("ana")
    hall = found(ana)
    client = Bare(site.push, token_of(ana)).sign_in()
    before = resident_bytes(site.pid("chat-push"))

    # No more than the packets of a connection; a flood of them ends it, as one of anything does.
    for _ in range(3):
        client.say(*(f'43{number}["x"]' for number in range(500)))

    client.join(hall)
    assert resident_bytes(site.pid("chat-push")) - before < 20 << 20


# --- What the system gives -------------------------------------------------------------------------------------------


def test_the_limit_of_open_files_is_raised_and_said(watched):
    site = watched()

    soft, hard = resource.prlimit(site.pid("chat-push"), resource.RLIMIT_NOFILE)

    assert soft == hard
    assert f"limit={hard}" in site.log("chat-push")


def test_without_descriptors_it_waits_and_takes_the_others_when_there_are_some(watched):
    site = watched(request_timeout=60_000)
    pid = site.pid("chat-push")
    ana = site.person("ana")
    in_use = int(site.figure("process_open_fds"))
    subprocess.run(["prlimit", "--pid", str(pid), f"--nofile={in_use + 20}:{in_use + 20}"], check=True)

    waiting = [open_socket(site.push) for _ in range(100)]
    began = cpu_seconds(pid)
    time.sleep(1)
    # In a second of waiting it does not ask for descriptors in circles.
    assert cpu_seconds(pid) - began < 0.5
    for connection in waiting:
        connection.close()

    client = Bare(site.push, token_of(ana)).sign_in()
    assert site.processes["chat-push"].poll() is None
    client.close()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


# --- What is left ----------------------------------------------------------------------------------------------------


def test_of_those_who_came_and_went_no_memory_is_left(watched):
    site = watched(handshakes_per_second=1_000_000, connections_per_user_max=10_000, joins_per_second=10_000)
    ana = site.person("ana")
    hall = found(ana)
    join = '421["join_hall",{"hall_id":%d}]' % hall["id"]
    script = [("101 Switching", ["40"]), ('40{"sid"', [join]), ('431[{"ok":true', [])]
    pid, resident = site.pid("chat-push"), []

    for _ in range(6):
        Swarm(site.push, [token_of(ana)], script).connect(500).close()
        wait_until(lambda: site.figure("halls_push_connections") == 0)
        resident.append(resident_bytes(pid))

    # What it took for the first crowd is enough for the others.
    assert resident[-1] - resident[1] < 10 << 20, [bytes >> 20 for bytes in resident]
    assert site.figure("process_open_fds") < 50


def test_two_hundred_who_come_and_go_leave_the_memory_where_it_was(watched):
    """Half of them poll, and of those half leave without a word; each is told of a hundred kilobytes that it missed."""
    site = watched(
        ping_interval=5_000, ping_timeout=5_000, handshakes_per_second=1_000_000, connections_per_user_max=100_000,
        connections_per_address_max=100_000, joins_per_second=100_000, sends_per_second=10_000, backlog_bytes_max=1 << 32,
    )  # fmt: skip
    ana = site.person("ana")
    hall, token, times = found(ana), token_of(ana), 60
    for number in range(400):
        ana.post(f"/chat/messages/{hall['id']}", json={"content": f"{number} " + "y" * 900})
    Bare(site.push, token).sign_in().join(hall).close()
    pid = site.pid("chat-push")
    before = anonymous_bytes(pid)

    with concurrent.futures.ThreadPoolExecutor(200) as crowd:
        clients = [
            crowd.submit(come_and_go if number % 2 else poll_and_go, site, token, hall, random.Random(number), times)
            for number in range(200)
        ]
    for client in clients:
        client.result()

    assert site.figure("halls_push_sessions_opened_total") > 200 * times
    wait_until(lambda: site.figure("halls_push_connections") == 0, 40, "the end of the last")
    # The system is given back what was free for a while, and what SQLite keeps goes in a longer rest.
    wait_until(lambda: anonymous_bytes(pid) - before < 4 << 20, 60, "memory as before")


def join_packet(hall, random):
    return '421["join_hall",{"hall_id":%d,"since_rev":%d}]' % (hall["id"], random.randrange(200, 400))


def come_and_go(site, token, hall, random, times):
    for _ in range(times):
        client = Bare(site.push, token).sign_in()
        client.say(join_packet(hall, random))
        client.hear_until('431[{"ok":true')
        if random.random() < 0.02:
            client.say('42["send_message",{"hall_id":%d,"content":"%s"}]' % (hall["id"], "z" * 2_000))
        client.close()


def poll_and_go(site, token, hall, random, times):
    headers = {"Cookie": f"halls_session={token}", "Host": "chat.example"}

    def ask(method, path, body=None):
        connection = http.client.HTTPConnection("chat.example")
        connection.sock = open_socket(site.push)
        connection.request(method, "/socket.io/?EIO=4&transport=polling" + path, body, headers)
        answer = connection.getresponse().read().decode()
        connection.close()
        return answer

    for _ in range(times):
        here = "&sid=" + json.loads(ask("GET", "")[1:])["sid"]
        ask("POST", here, "40")
        ask("GET", here)
        ask("POST", here, join_packet(hall, random))
        ask("GET", here)
        if random.random() < 0.5:
            ask("POST", here, "1")
