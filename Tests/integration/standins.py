# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the daemons: they say what nginx handed them, and misbehave when told to.

They live in threads of the test, on the same unix sockets as chat-fcgi and chat-push would.
"""

import base64
import hashlib
import json
import os
import socketserver
import struct
import threading


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


class _StandIn:
    """A server on a unix socket, counting what reaches it."""

    handler = None

    def __init__(self, path):
        self.path = str(path)
        self.connections = 0
        self.requests = 0
        self.lock = threading.Lock()
        self._server = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, listener=None):
        """Serves a socket of its own, or one that is listening already, as systemd hands it over."""
        if listener:
            self._server = _Server(self.path, self.handler, bind_and_activate=False)
            self._server.socket.close()
            self._server.socket = listener
        else:
            if os.path.exists(self.path):
                os.unlink(self.path)
            self._server = _Server(self.path, self.handler)
        self._server.owner = self
        self._server.open = set()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Closes the socket and every connection, as a daemon that ends does."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._server.open):
            try:
                connection.shutdown(2)
            except OSError:
                pass  # it ended by itself meanwhile
        self._server = None
        os.unlink(self.path)


class _Handler(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        self.owner = self.server.owner
        self.server.open.add(self.request)
        with self.owner.lock:
            self.owner.connections += 1

    def finish(self):
        self.server.open.discard(self.request)
        try:
            super().finish()
        except OSError:
            pass  # nginx was gone first


class _FastCGIHandler(_Handler):
    BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6

    def handle(self):
        try:
            while self.serve_one():
                pass
        except (OSError, EOFError):
            pass  # the connection ended

    def serve_one(self):
        params, body, keep = b"", b"", False
        while True:
            kind, request_id, content = self.record()
            if kind == self.BEGIN:
                keep = bool(content[2] & 1)
            elif kind == self.PARAMS:
                params += content
            elif kind == self.STDIN and content:
                body += content
            elif kind == self.STDIN:
                break
        with self.owner.lock:
            self.owner.requests += 1
        answer = self.owner.answer(dict(self.pairs(params)), body)
        if answer is None:
            return False
        self.send(request_id, answer)
        return keep

    def record(self):
        header = self.rfile.read(8)
        if len(header) < 8:
            raise EOFError
        _, kind, request_id, length, padding, _ = struct.unpack(">BBHHBB", header)
        content = self.rfile.read(length)
        self.rfile.read(padding)
        return kind, request_id, content

    @staticmethod
    def pairs(data):
        position = 0

        def length():
            nonlocal position
            value = data[position]
            position += 1
            if value >= 128:
                value = struct.unpack(">I", bytes([value & 127]) + data[position : position + 3])[0]
                position += 3
            return value

        while position < len(data):
            name_length, value_length = length(), length()
            name = data[position : position + name_length]
            position += name_length
            yield name.decode(), data[position : position + value_length].decode("latin-1")
            position += value_length

    def send(self, request_id, content):
        for start in range(0, len(content), 65535):
            part = content[start : start + 65535]
            self.wfile.write(struct.pack(">BBHHBB", 1, self.STDOUT, request_id, len(part), 0, 0) + part)
        self.wfile.write(struct.pack(">BBHHBB", 1, self.STDOUT, request_id, 0, 0, 0))
        self.wfile.write(struct.pack(">BBHHBBIBBBB", 1, self.END, request_id, 8, 0, 0, 0, 0, 0, 0, 0))


class FastCGIStandIn(_StandIn):
    """A responder that answers with its parameters and the length of the body as JSON.

    `script(params, body)` may return the bytes of another answer, or None to close the connection without one.
    """

    handler = _FastCGIHandler

    def __init__(self, path, script=None):
        super().__init__(path)
        self.script = script or self.echo

    def answer(self, params, body):
        return self.script(params, body)

    @staticmethod
    def echo(params, body):
        status = 404 if "missing" in params["REQUEST_URI"] else 200
        content = json.dumps({"params": params, "length": len(body)}).encode()
        return (
            b"Status: %d\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n\r\n%s"
            % (status, content)
        )


class _HTTPHandler(_Handler):
    def handle(self):
        try:
            self.serve()
        except OSError:
            pass  # the connection ended

    def serve(self):
        request = self.rfile.readline().decode().split()
        if not request:
            return
        headers = {}
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        with self.owner.lock:
            self.owner.requests += 1
        if "upgrade" in headers.get("connection", "").lower():
            return self.upgrade(headers)
        if "linger" in request[1]:
            return self.linger()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        content = json.dumps({"path": request[1], "headers": headers, "length": len(body)}).encode()
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(content), content)
        )

    def upgrade(self, headers):
        """Accepts the WebSocket and sends every byte back as it comes."""
        key = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %s\r\n\r\n" % accept
        )
        # One unmasked text frame that says what arrived.
        content = json.dumps({"headers": headers}).encode()
        self.wfile.write(b"\x81\x7e" + struct.pack(">H", len(content)) + content)
        while self.request.recv(4096):
            pass

    def linger(self):
        """Sends a whole answer, and keeps the connection until the test has seen it."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nsaid")
        self.owner.answer_seen.wait(10)


class PushStandIn(_StandIn):
    """An HTTP server that answers with the headers it got as JSON, and takes every WebSocket."""

    handler = _HTTPHandler

    def __init__(self, path):
        super().__init__(path)
        self.answer_seen = threading.Event()
