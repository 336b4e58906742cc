# SPDX-License-Identifier: Apache-2.0
"""Many bare clients of chat-push in one thread: WebSockets by hand on non-blocking sockets, for crowds and floods.

They speak to the daemon's own socket, past nginx, and answer no pings: what is tested with them is over sooner.
"""

import os
import pathlib
import selectors
import socket
import time

UPGRADE = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def frame(text, first=0x81):
    """Text as a client's frame; its mask is zero, which is allowed and leaves the bytes as they are.

    first: what the frame is: 0x81 is text, 0x01 text that goes on, 0x00 and 0x80 what goes on and its end.
    """
    payload = text.encode()
    if len(payload) < 126:
        head = bytes([first, 0x80 | len(payload)])
    elif len(payload) < 1 << 16:
        head = bytes([first, 0xFE]) + len(payload).to_bytes(2, "big")
    else:
        head = bytes([first, 0xFF]) + len(payload).to_bytes(8, "big")
    return head + bytes(4) + payload


def unfinished(fragment, rest):
    """The beginning of a message: a fragment of so many bytes, and so many of another that is not whole."""
    return frame("4" * fragment, 0x01) + frame("4" * (rest + 1), 0x00)[:-1]


def secret_line(address):
    """The header by which chat-push at a site's unix socket knows the site's nginx."""
    file = pathlib.Path(address).with_name("secret") if isinstance(address, (str, pathlib.Path)) else None
    return f"X-Halls-Secret: {file.read_text().strip()}\r\n" if file and file.exists() else ""


def open_socket(address, buffer=None):
    """A connection to a unix socket, or to (host, port)."""
    connection = socket.socket(socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX)
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect(address if isinstance(address, tuple) else str(address))
    return connection


class Bare:
    """One WebSocket by hand, blocking: `say` sends a packet, `hear_until` reads until a text is there."""

    def __init__(self, address, cookie=None, headers=None, buffer=None):
        self.connection = open_socket(address, buffer)
        self.connection.settimeout(10)
        self.heard = b""
        lines = [f"{name}: {value}" for name, value in (headers or {}).items()]
        if cookie:
            lines.append(f"Cookie: halls_session={cookie}")
        fields = secret_line(address) + "".join(line + "\r\n" for line in lines)
        self.connection.sendall((UPGRADE + fields + "\r\n").encode())

    def say(self, *texts):
        self.connection.sendall(b"".join(map(frame, texts)))

    def hear_until(self, text):
        while text.encode() not in self.heard:
            part = self.connection.recv(65536)
            assert part, f"the end came before {text!r}: {self.heard[-500:]}"
            self.heard += part
        return self.heard

    def hear_all(self):
        """Everything until the other side closes."""
        try:
            while part := self.connection.recv(65536):
                self.heard += part
        except ConnectionError:
            pass
        return self.heard

    def sign_in(self):
        self.say("40")
        self.hear_until('40{"sid"')
        return self

    def join(self, hall):
        self.say('421["join_hall",{"hall_id":%d}]' % hall["id"])
        self.hear_until('431[{"ok":true')
        return self

    def close(self):
        self.connection.close()


class Swarm:
    """Clients that connect at once; each is sent what is in `script` when what comes before it was heard.

    script: pairs of (a text that is waited for, packets that are then sent).
    """

    def __init__(self, address, cookies, script=()):
        self.address = address
        self.cookies = cookies
        self.script = [(text.encode(), b"".join(map(frame, packets))) for text, packets in script]
        self.selector = selectors.EpollSelector()
        self.sockets = {}

    def connect(self, count, seconds=60):
        """Opens so many, and waits until each has heard the last of what is waited for."""
        secret = secret_line(self.address)
        for number in range(count):
            connection = open_socket(self.address)
            cookie = self.cookies[number % len(self.cookies)]
            fields = f"{secret}X-Real-IP: 192.0.2.{number % 250}\r\nCookie: halls_session={cookie}\r\n\r\n"
            connection.sendall((UPGRADE + fields).encode())
            connection.setblocking(False)
            self.sockets[connection] = (0, b"")
            self.selector.register(connection, selectors.EVENT_READ)
        deadline = time.monotonic() + seconds
        done = 0
        while done < count:
            assert time.monotonic() < deadline, f"{done} of {count} came so far"
            for key, _ in self.selector.select(1):
                done += self._go_on(key.fileobj)
        return self

    def _go_on(self, connection):
        step, heard = self.sockets[connection]
        heard += connection.recv(65536) or b"\x00the end"
        while step < len(self.script) and self.script[step][0] in heard:
            connection.sendall(self.script[step][1])
            step, heard = step + 1, b""
        assert not heard.endswith(b"the end"), heard
        self.sockets[connection] = (step, heard)
        if step < len(self.script):
            return 0
        self.selector.unregister(connection)
        return 1

    def close(self):
        """All go away without a word."""
        for connection in self.sockets:
            connection.close()
        self.sockets = {}
        self.selector.close()


def forget_most_bytes(pid):
    """From now on `most_bytes` tells what there is from now on."""
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def most_bytes(pid):
    """The most memory that a process has had."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) << 10


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def anonymous_bytes(pid):
    """What a process has of memory that is no file's."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Anonymous:")) << 10
