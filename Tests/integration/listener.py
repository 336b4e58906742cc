# SPDX-License-Identifier: Apache-2.0
"""Socket.IO clients that keep what they hear, in the order in which it came."""

import itertools
import json
import threading

import engineio
import socketio
import websocket

from halls_site import wait_until

_numbers = itertools.count(1)


def unique(name):
    """A name that no other test of the run has, for the site that they share."""
    return f"{name}{next(_numbers)}"


def found(session, name=None, private=False):
    """Makes a hall for a session and returns it as the server shows it."""
    answer = session.post("/chat/halls", json={"name": name or unique("Hall "), "private": private})
    assert answer.status_code == 201, answer.text
    return answer.json()["hall"]


def enter(hall, *sessions):
    """Brings people into an open hall."""
    for session in sessions:
        answer = session.post("/chat/halls/join", json={"hall_id": hall["id"]})
        assert answer.status_code == 200, answer.text


def has_read(hall, *sessions):
    """They have read all of a hall: the page shows it from its end."""
    for session in sessions:
        answer = session.post(f"/chat/halls/{hall['id']}/read", json={"rev": (1 << 53) - 1})
        assert answer.status_code == 200, answer.text


def contents(messages):
    return [message["content"] for message in messages]


def connect_answer(session, transport, headers=None):
    """What chat-push says to a CONNECT, as bare text: `40{…}` or `44{…}`.

    By hand: python-engineio sometimes waits for its last poll after a refusal, and that answer comes with a ping.
    """
    if transport == "polling":
        path = "/socket.io/?EIO=4&transport=polling"
        handshake = session.get(path, headers=headers)
        assert handshake.status_code == 200, handshake.text
        path += "&sid=" + json.loads(handshake.text[1:])["sid"]
        assert session.post(path, data="40", headers=headers).text == "ok"
        answer = session.get(path, headers=headers).text
        session.post(path, data="1", headers=headers)
        return answer
    fields = dict(session.headers) | (headers or {})
    connection = websocket.create_connection(
        f"ws://{session.site.host}/socket.io/?EIO=4&transport=websocket", timeout=20,
        header=[f"{name}: {value}" for name, value in fields.items() if name in (headers or {}) or name[:2] == "X-"],
        cookie="; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies) or None,
    )  # fmt: skip
    connection.recv()
    connection.send("40")
    answer = connection.recv()
    connection.close()
    return answer


class _OrderedEngine(engineio.Client):
    """python-engineio gives each packet a thread, and threads overtake one another; here they are taken in turn."""

    def _trigger_event(self, event, *arguments, **options):
        if event == "message":
            options["run_async"] = False
        return super()._trigger_event(event, *arguments, **options)


class OrderedClient(socketio.Client):
    def __init__(self, *arguments, **options):
        self._numbering = threading.Lock()
        super().__init__(*arguments, **options)

    def _engineio_client_class(self):
        return _OrderedEngine

    def _generate_ack_id(self, namespace, callback):
        # Of two threads that ask first on a new connection, python-socketio forgets what one of them waits for.
        with self._numbering:
            return super()._generate_ack_id(namespace, callback)


class Listener:
    """One connected client of a person.

    Its values are what it heard: `messages` (each `new_message`), `changes` (each `message_changed`), `errors`, `halls_changed`, `halls_joined`, and how often
    it `connected` and was `disconnected`. Handlers run on the thread that reads, so they must not wait for an answer.
    """

    def __init__(self, session, transports=None, reconnection=False, connect=True, headers=None):
        self.session = session
        self.messages, self.errors, self.refusals = [], [], []
        self.halls_changed, self.halls_joined, self.changes = [], [], []
        self.connected = self.disconnected = 0
        self.client = OrderedClient(
            http_session=session, reconnection=reconnection, reconnection_delay=0.2, reconnection_delay_max=0.5,
            randomization_factor=0.05, handle_sigint=False,
        )  # fmt: skip
        self.client.on("connect", self._connected)
        self.client.on("connect_error", self.refusals.append)
        self.client.on("disconnect", self._disconnected)
        self.client.on("new_message", self.heard)
        self.client.on("message_changed", self.changes.append)
        self.client.on("error", self.errors.append)
        self.client.on("halls_changed", self.halls_changed.append)
        self.client.on("hall_joined", self.halls_joined.append)
        self._options = {"transports": transports, "headers": headers or {}, "wait_timeout": 20}
        if connect:
            self.connect()

    def connect(self):
        self.client.connect(self.session.site.url, **self._options)

    def _connected(self):
        self.connected += 1
        self.came_back()

    def _disconnected(self, *_):
        self.disconnected += 1

    def came_back(self):
        """Called on each connection; for those who resume."""

    def heard(self, message):
        self.messages.append(message)

    def __repr__(self):
        counts = f"connected {self.connected}, disconnected {self.disconnected}, refused {self.refusals}"
        return f"{type(self).__name__} {self.client.eio.state} {counts}"

    @property
    def user(self):
        return self.session.user

    @property
    def is_connected(self):
        return self.client.connected and "/" in self.client.namespaces

    @property
    def transport(self):
        return self.client.transport()

    def call(self, event, *payload, seconds=20):
        """Emits and returns the acknowledgement."""
        return self.client.call(event, *payload, timeout=seconds)

    def emit(self, event, *payload, callback=None):
        self.client.emit(event, *payload, callback=callback)

    def join(self, hall, **more):
        return self.call("join_hall", {"hall_id": hall["id"], **more})

    def say(self, hall, content, **more):
        """Says something and returns the message as the acknowledgement has it."""
        answer = self.call("send_message", {"hall_id": hall["id"], "content": content, **more})
        assert answer["ok"], answer
        return answer["message"]

    def wait_for(self, content):
        """Waits until a message of this content was heard."""
        wait_until(lambda: content in contents(self.messages), 20, f"hearing {content!r}")

    def wait_for_end(self):
        """Waits until the server has said that the session is over."""
        wait_until(lambda: self.disconnected and not self.is_connected, 20, "the end of the connection")

    def close(self):
        # With polling python-engineio now and then forgets its goodbye and waits for the next ping: nobody has to.
        if self.client.connected:
            self.client.eio.disconnect(abort=self.transport == "polling")


class Follower(Listener):
    """A client that comes back by itself and resumes where it was, as docs/protocol.md says.

    `messages` is the hall as this person sees it. Whatever is lost, doubled or out of order goes into `faults`.
    """

    def __init__(self, session, hall, transports=None):
        self.hall = hall
        self.rev = 0
        self.resumed = 0
        self.faults = []
        self._lock = threading.Lock()
        super().__init__(session, transports, reconnection=True)
        wait_until(lambda: self.resumed, 20, "the first join")

    def came_back(self):
        question = {"hall_id": self.hall["id"], "since_rev": self.rev}
        self.emit("join_hall", question, callback=self._resumed)

    def _resumed(self, answer):
        if not answer["ok"] or not answer["complete"]:
            self.faults.append(("join", answer))
            return
        for message in answer["messages"]:
            self.heard(message)
        if answer["rev"] != self.rev:
            self.faults.append(("rev", self.rev, answer["rev"]))
        self.resumed += 1

    def heard(self, message):
        with self._lock:
            if message["rev"] != self.rev + 1:
                self.faults.append((self.rev, message))
            self.rev = message["rev"]
            self.messages.append(message)
