# SPDX-License-Identifier: Apache-2.0
"""Nothing lost, nothing doubled, nothing out of order: while the parts of the product die and come back."""

import sqlite3
import threading
import time

import pytest
import requests
import socketio.exceptions

from halls_site import wait_until
from listener import Follower, Listener, contents, enter, found

# People who say a lot must not be told to slow down here: that is another test's matter.
FAST = {"sends-per-second": 1000, "sends-burst": 1000}


class Speaker:
    """Says numbered things until told to stop, and says each again until it is confirmed, under the same key."""

    def __init__(self, name, say, pause=0.01):
        self.name = name
        self.say = say
        self.pause = pause
        self.confirmed = []
        self.retries = 0
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_ending.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), f"{self.name} could not say what it had to"

    def wait_for(self, count):
        """Waits until so many more are confirmed."""
        goal = len(self.confirmed) + count
        wait_until(lambda: len(self.confirmed) >= goal, 60, f"{count} more messages of {self.name}")

    def _talk(self):
        while not self._is_ending.wait(self.pause):
            content = f"{self.name} {len(self.confirmed)}"
            while (message := self.say(content, f"{self.name}-{len(self.confirmed)}")) is None:
                self.retries += 1
                time.sleep(0.05)
            self.confirmed.append(message)


def by_socket(listener, hall):
    def say(content, key):
        payload = {"hall_id": hall["id"], "content": content, "client_key": key}
        try:
            answer = listener.call("send_message", payload, seconds=2)
        except (socketio.exceptions.SocketIOError, AttributeError):
            return None  # not connected just now, or no answer: perhaps it was written, perhaps not
        return answer["message"] if answer["ok"] else None

    return say


def by_rest(session, hall):
    cookies = session.cookies.get_dict()

    def say(content, key):
        try:
            answer = requests.post(
                f"{session.site.url}/chat/messages/{hall['id']}", json={"content": content, "client_key": key},
                headers={"Origin": session.site.url}, cookies=cookies, timeout=5,
            )  # fmt: skip
        except requests.RequestException:
            return None
        if answer.status_code in (200, 201):
            return answer.json()["message"]
        # What a person may be told while something is down, and nothing else.
        assert answer.status_code in (502, 503), answer.text
        return None

    return say


def by_operator(site, hall, username):
    """chat-admin has no keys: it says each thing once, and is not disturbed by what happens to the daemons."""

    def say(content, _):
        site.admin("messages", "send", hall["id"], username, input=content)
        return {"content": content}

    return say


class Conversation:
    """Three people who talk by all ways at once, and three who listen by all transports."""

    def __init__(self, site):
        self.site = site
        self.ana, self.ben, self.eve = (site.person(name) for name in ("ana", "ben", "eve"))
        self.hall = found(self.ana, "Garden")
        enter(self.hall, self.ben, self.eve)
        self.followers = [
            Follower(session, self.hall, transports)
            for session, transports in ((self.ana, ["websocket"]), (self.ben, None), (self.eve, ["polling"]))
        ]
        self.speakers = [
            Speaker("ana", by_socket(self.followers[0], self.hall)),
            Speaker("ben", by_rest(self.ben, self.hall)),
            Speaker("eve", by_socket(self.followers[2], self.hall)),
            Speaker("operator", by_operator(site, self.hall, "ana"), pause=0.2),
        ]

    def __enter__(self):
        for speaker in self.speakers:
            speaker.__enter__()
        return self

    def __exit__(self, kind, *_):
        for speaker in self.speakers:
            try:
                speaker.__exit__()
            except AssertionError:
                if kind is None:
                    raise

    def go_on(self):
        """Everybody says some more, by every way."""
        for speaker in self.speakers[:3]:
            speaker.wait_for(4)

    def are_all_back(self, times):
        for follower in self.followers:
            wait_until(
                lambda follower=follower: follower.resumed >= times and follower.is_connected, 60,
                f"the return of {follower.user['username']} ({follower})",
            )  # fmt: skip

    def assert_is_whole(self):
        """What was confirmed is there once and in the speakers' order, and everybody saw just what is there."""
        messages, before = [], ""
        while True:
            page = self.ana.get(f"/chat/messages/{self.hall['id']}?limit=200{before}").json()
            messages = page["messages"] + messages
            if not page["has_more"]:
                break
            before = f"&before={messages[0]['id']}"
        assert [message["rev"] for message in messages] == list(range(1, len(messages) + 1))
        assert page["rev"] == len(messages)
        assert [message["id"] for message in messages] == sorted(message["id"] for message in messages)
        for speaker in self.speakers:
            said = [content for content in contents(messages) if content.startswith(f"{speaker.name} ")]
            assert said == contents(speaker.confirmed)
            assert said == [f"{speaker.name} {number}" for number in range(len(said))]
        for message in messages:
            message.pop("client_key", None)
        for follower in self.followers:
            wait_until(lambda follower=follower: follower.rev >= len(messages), 30, "the last message")
            assert follower.faults == []
            assert follower.messages == messages

    def close(self):
        for follower in self.followers:
            follower.close()


@pytest.fixture
def conversation(make_site):
    conversation = Conversation(make_site(flags=FAST))
    yield conversation
    conversation.close()


@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize("name", ["chat-push", "nginx"])
def test_a_conversation_survives_the_restart_of(conversation, name, end):
    """Whoever was cut off resumes from the position it had."""
    with conversation:
        for times in range(1, 4):
            conversation.go_on()
            status = getattr(conversation.site, end)(name)
            assert end == "kill" or status == 0
            time.sleep(0.2)  # some speak into the void
            conversation.site.start(name)
            conversation.are_all_back(times + 1)
        conversation.go_on()

    conversation.assert_is_whole()
    assert all(follower.connected == 4 for follower in conversation.followers)


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_conversation_survives_the_restart_of_chat_fcgi_and_no_socket_is_dropped(conversation, end):
    with conversation:
        for _ in range(3):
            conversation.go_on()
            status = getattr(conversation.site, end)("chat-fcgi")
            assert end == "kill" or status == 0
            # Those with sockets go on meanwhile.
            conversation.speakers[0].wait_for(4)
            conversation.speakers[2].wait_for(4)
            conversation.site.start("chat-fcgi")
        conversation.go_on()

    conversation.assert_is_whole()
    assert conversation.speakers[0].retries == conversation.speakers[2].retries == 0
    for follower in conversation.followers:
        assert (follower.connected, follower.disconnected) == (1, 0)


def test_a_conversation_survives_that_everything_dies_at_once(conversation):
    with conversation:
        for times in range(1, 3):
            conversation.go_on()
            for name in ("chat-push", "nginx", "chat-fcgi"):
                conversation.site.kill(name)
            conversation.site.start("chat-fcgi", "chat-push", "nginx")
            conversation.are_all_back(times + 1)
        conversation.go_on()

    conversation.assert_is_whole()


def test_a_restart_loses_nothing_that_was_acknowledged(make_site):
    """Messages pour in from many sides at the very moment at which chat-push is killed."""
    site = make_site(flags=FAST)
    ana = site.person("ana")
    hall = found(ana, "Garden")
    acknowledged = []
    for _ in range(3):
        listeners = [Listener(ana, transports=["websocket"]) for _ in range(4)]
        before = len(acknowledged)
        for number in range(200):
            listener = listeners[number % 4]
            payload = {"hall_id": hall["id"], "content": "text"}
            listener.emit("send_message", payload, callback=lambda answer: acknowledged.append(answer))
        wait_until(lambda: len(acknowledged) > before + 5, 20, "the first acknowledgements")
        site.kill("chat-push")
        for listener in listeners:
            wait_until(lambda listener=listener: not listener.client.connected, 20, "the end of the connection")
        site.start("chat-push")

    written = set()
    before = ""
    while True:
        page = ana.get(f"/chat/messages/{hall['id']}?limit=200{before}").json()
        written |= {message["id"] for message in page["messages"]}
        if not page["has_more"]:
            break
        before = f"&before={page['messages'][0]['id']}"
    assert {answer["message"]["id"] for answer in acknowledged if answer["ok"]} <= written
    assert site.admin("check").returncode == 0


def test_what_was_taken_is_written_and_answered_before_chat_push_ends(make_site):
    """SIGTERM is not a crash: every message gets its acknowledgement or an error, or was never read."""
    site = make_site(flags=FAST)
    ana = site.person("ana")
    hall = found(ana, "Garden")
    listener = Listener(ana, transports=["websocket"])
    answers = []
    for number in range(300):
        payload = {"hall_id": hall["id"], "content": str(number), "client_key": f"k{number}"}
        listener.emit("send_message", payload, callback=answers.append)
    wait_until(lambda: answers, 20, "the first acknowledgement")

    assert site.stop("chat-push") == 0

    wait_until(lambda: not listener.client.connected, 20, "the end of the connection")
    with sqlite3.connect(f"file:{site.database}?mode=ro", uri=True) as database:
        written = [row[0] for row in database.execute("SELECT content FROM messages ORDER BY id")]
    assert written == contents([answer["message"] for answer in answers if answer["ok"]])
    assert {answer["error"]["code"] for answer in answers if not answer["ok"]} <= {"busy"}


def test_all_processes_write_at_once_and_none_finds_the_database_locked(make_site):
    site = make_site(flags=FAST)
    people = [site.person(f"person{number}") for number in range(4)]
    hall = found(people[0], "Garden")
    enter(hall, *people[1:])
    follower = Follower(people[0], hall, ["websocket"])
    listeners = [Listener(person, transports=["websocket"]) for person in people]
    answers, failures = [], []

    def post(person):
        for number in range(60):
            answer = requests.post(
                f"{site.url}/chat/messages/{hall['id']}", json={"content": f"rest {number}"},
                cookies=person.cookies.get_dict(), headers={"Origin": site.url}, timeout=20,
            )  # fmt: skip
            if answer.status_code != 201:
                failures.append(answer.text)

    def administer():
        for number in range(8):
            done = site.admin("messages", "send", hall["id"], "person0", input=f"operator {number}", check=False)
            done = site.admin("halls", "add", f"Hall {number}", check=False) if done.returncode == 0 else done
            if done.returncode != 0:
                failures.append(done.stderr)

    threads = [threading.Thread(target=post, args=(person,)) for person in people[:3]]
    threads += [threading.Thread(target=administer) for _ in range(1)]
    for thread in threads:
        thread.start()
    for number in range(60):
        for listener in listeners:
            payload = {"hall_id": hall["id"], "content": f"socket {number}"}
            listener.emit("send_message", payload, callback=answers.append)
    for thread in threads:
        thread.join()
    wait_until(lambda: len(answers) == 240, 60, "all acknowledgements")

    assert failures == []
    assert all(answer["ok"] for answer in answers)
    assert "locked" not in site.log("chat-push") + site.log("chat-fcgi")
    expected = 3 * 60 + 4 * 60 + 8
    wait_until(lambda: follower.rev == expected, 30, "all messages")
    assert follower.faults == []
    for listener in [follower, *listeners]:
        listener.close()


def test_a_message_is_heard_though_the_wake_up_was_lost(site):
    """The writers' datagram only makes it fast: without it chat-push looks by itself."""
    ana = site.person("ana")
    hall = found(ana, "Garden")
    listener = Listener(ana)
    listener.join(hall)
    (site.folder / "wake.sock").unlink()

    assert ana.post(f"/chat/messages/{hall['id']}", json={"content": "unannounced"}).status_code == 201

    listener.wait_for("unannounced")
    assert contents(listener.messages) == ["unannounced"]
    listener.close()


def test_who_was_away_for_long_gets_it_whole_from_the_history(make_site):
    """A socket that resumes too late is told so, and the pages of the history hold everything."""
    site = make_site(flags=FAST | {"page-size-max": 20, "page-size-default": 20})
    ana, ben = site.person("ana"), site.person("ben")
    hall = found(ana, "Garden")
    enter(hall, ben)
    one = Listener(ana)
    for number in range(45):
        one.say(hall, str(number))
    other = Listener(ben)

    answer = other.join(hall, since_rev=2)

    assert (answer["complete"], answer["rev"]) == (False, 45)
    messages = answer["messages"]
    while messages[0]["rev"] > 3:
        page = ben.get(f"/chat/messages/{hall['id']}?before={messages[0]['id']}&limit=20").json()
        messages = page["messages"] + messages
    one.say(hall, "end")
    other.wait_for("end")
    assert contents(messages + other.messages)[-44:] == [*(str(number) for number in range(2, 45)), "end"]
    for listener in (one, other):
        listener.close()
