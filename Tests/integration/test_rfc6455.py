# SPDX-License-Identifier: Apache-2.0
"""RFC 6455, held against the echo server's plain WebSocket path, byte by byte: no library stands between."""

import os
import random
import socket
import struct
import time

import pytest

from echo_server import echo  # noqa: F401

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 §1.3
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


def frame(opcode, payload=b"", fin=True, rsv=0, masked=True, length_form=None, key=None):
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    form = length_form or (7 if len(payload) < 126 else 16 if len(payload) < 65536 else 64)
    head = {7: bytes([len(payload) & 0x7F]), 16: b"\x7e" + struct.pack(">H", len(payload) & 0xFFFF),
            64: b"\x7f" + struct.pack(">Q", len(payload))}[form]
    if not masked:
        return bytes([first]) + head + payload
    key = key or os.urandom(4)
    pad = (key * (len(payload) // 4 + 1))[: len(payload)]
    body = (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(payload), "big")
    return bytes([first, head[0] | 0x80]) + head[1:] + key + body


class Client:
    def __init__(self, port, path="/raw", behind=b"", extra=""):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = (f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
                   f"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n"
                   f"Sec-WebSocket-Version: 13\r\n{extra}\r\n")
        self.socket.sendall(request.encode() + behind)
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        self.head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert self.head.startswith(b"HTTP/1.1 101"), self.head
        assert ACCEPT.encode() in self.head

    def more(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise EOFError
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def drip(self, data):
        for byte in data:
            self.socket.sendall(bytes([byte]))

    def receive(self):
        first, second = self.take(2)
        assert first & 0x70 == 0 and first & 0x80 and second & 0x80 == 0
        length = second
        if second == 126:
            length = struct.unpack(">H", self.take(2))[0]
            assert length > 125
        elif second == 127:
            length = struct.unpack(">Q", self.take(8))[0]
            assert length > 65535
        return first & 15, self.take(length)

    def expect_close(self, code):
        opcode, payload = self.receive()
        assert opcode == CLOSE, (opcode, payload)
        assert payload[:2] == (struct.pack(">H", code) if code else b"")
        try:
            self.socket.settimeout(10)
            while True:
                self.more()
        except EOFError:
            pass
        self.socket.close()

    def expect_alive(self):
        self.send(frame(TEXT, b"still here?"))
        assert self.receive() == (TEXT, b"still here?")
        self.socket.close()


@pytest.fixture
def client(echo):
    return Client(echo)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65535, 65536, 131073, 1_000_001])
def test_messages_of_every_length_form_come_back(client, size):
    text = bytes(random.choices(b"abcdefgh", k=size))
    client.send(frame(TEXT, text))
    assert client.receive() == (TEXT, text)
    blob = os.urandom(size)
    client.send(frame(BINARY, blob))
    assert client.receive() == (BINARY, blob)
    client.expect_alive()


def test_messages_of_16_megabytes_come_back_and_larger_ones_are_refused(echo):
    client = Client(echo)
    blob = os.urandom(16 << 20)
    client.send(frame(BINARY, blob))
    assert client.receive() == (BINARY, blob)
    client.send(bytes([0x82, 0xFF]) + struct.pack(">Q", (16 << 20) + 1) + b"keyy")
    client.expect_close(1009)
    client = Client(echo)
    text = ("ä" * (4 << 20)).encode()
    client.send(*(frame(TEXT if i == 0 else CONTINUATION, text[i:i + 60_001], fin=i + 60_001 >= len(text))
                  for i in range(0, len(text), 60_001)))
    assert client.receive() == (TEXT, text)
    client.expect_alive()


def test_a_message_of_fragments_that_are_together_too_large_is_refused(client):
    part = b"x" * (8 << 20)
    client.send(frame(TEXT, part, fin=False), frame(CONTINUATION, part, fin=False))
    client.send(frame(CONTINUATION, b"y"))
    client.expect_close(1009)


def test_a_million_fragments_take_no_more_time_than_they_must(client):
    one = frame(CONTINUATION, b"x", fin=False, key=b"abcd")
    began = time.time()
    client.send(frame(TEXT, b"x", fin=False), one * 999_998, frame(CONTINUATION, b"x"))
    client.socket.settimeout(60)
    assert client.receive() == (TEXT, b"x" * 1_000_000)
    assert time.time() - began < 30


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CONTINUATION, CLOSE])
def test_reserved_bits_break_the_protocol(client, rsv, opcode):
    client.send(frame(opcode, b"ab", rsv=rsv))
    client.expect_close(1002)


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_reserved_opcodes_break_the_protocol(client, opcode):
    client.send(frame(TEXT, b"before"), frame(opcode, b"x"))
    assert client.receive() == (TEXT, b"before")
    client.expect_close(1002)


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_control_frames_are_small_and_whole(echo, opcode):
    client = Client(echo)
    client.send(frame(opcode, b"\x03\xe8" + b"x" * 124))
    client.expect_close(1002)
    client = Client(echo)
    client.send(frame(opcode, b"\x03\xe8", fin=False))
    client.expect_close(1002)


@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
def test_a_frame_without_mask_breaks_the_protocol(client, opcode):
    client.send(frame(opcode, b"\x03\xe8", masked=False))
    client.expect_close(1002)


@pytest.mark.parametrize("size, form", [(0, 16), (5, 16), (125, 16), (0, 64), (125, 64), (126, 64), (65535, 64)])
def test_lengths_have_their_shortest_form(client, size, form):
    client.send(frame(TEXT, b"x" * size, length_form=form))
    client.expect_close(1002)


def test_a_length_with_the_highest_bit_breaks_the_protocol(client):
    client.send(b"\x82\xff" + b"\xff" * 8 + b"mask")
    client.expect_close(1002)


def test_pings_are_answered_with_what_they_carry(client):
    for payload in [b"", b"hello", b"\x00\xff\xfe", b"x" * 125]:
        client.send(frame(PING, payload))
        assert client.receive() == (PONG, payload)
    client.send(frame(PONG, b"unasked"), *(frame(PING, bytes([i])) for i in range(10)))
    assert [client.receive() for _ in range(10)] == [(PONG, bytes([i])) for i in range(10)]
    client.expect_alive()


def test_control_frames_may_come_between_fragments(client):
    client.send(frame(TEXT, b"fra", fin=False), frame(PING, b"1"), frame(CONTINUATION, b"", fin=False),
                frame(PONG), frame(CONTINUATION, b"gme", fin=False), frame(PING, b"2"), frame(CONTINUATION, b"nt"))
    assert [client.receive() for _ in range(3)] == [(PONG, b"1"), (PONG, b"2"), (TEXT, b"fragment")]
    client.expect_alive()


def test_a_continuation_needs_a_beginning(echo):
    for fin in [True, False]:
        client = Client(echo)
        client.send(frame(CONTINUATION, b"x", fin=fin))
        client.expect_close(1002)
        client = Client(echo)
        client.send(frame(TEXT, b"whole"), frame(CONTINUATION, b"x", fin=fin))
        assert client.receive() == (TEXT, b"whole")
        client.expect_close(1002)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_does_not_begin_within_another(client, opcode):
    client.send(frame(TEXT, b"one", fin=False), frame(opcode, b"two"))
    client.expect_close(1002)


def test_empty_fragments_are_a_message(client):
    client.send(frame(TEXT, b"", fin=False), frame(CONTINUATION, b"", fin=False), frame(CONTINUATION, b""))
    assert client.receive() == (TEXT, b"")
    client.expect_alive()


VALID = ["Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\u0000", "\u007f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff",
         "\ud7ff\ue000\ufffd\ufffe", "😀" * 50]
INVALID = [b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xe0\x9f\xbf", b"\xf0\x80\x80\xaf",
           b"\xf0\x8f\xbf\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80", b"\xf4\x90\x80\x80",
           b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xfe", b"\xff", b"\xc3",
           b"\xe2\x82", b"\xf0\x9f\x98", b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"]


@pytest.mark.parametrize("text", VALID)
def test_text_may_be_split_anywhere(client, text):
    data = text.encode("utf-8", "surrogatepass")
    client.send(frame(TEXT, data))
    assert client.receive() == (TEXT, data)
    for cut in range(len(data) + 1):
        client.send(frame(TEXT, data[:cut], fin=False), frame(CONTINUATION, data[cut:]))
        assert client.receive() == (TEXT, data)
    client.expect_alive()


@pytest.mark.parametrize("data", INVALID)
def test_text_that_is_not_utf_8_ends_the_connection(echo, data):
    for around in [b"", b"plain text of more than a word "]:
        client = Client(echo)
        client.send(frame(TEXT, around + data))
        client.expect_close(1007)
        client = Client(echo)
        whole = around + data
        client.send(frame(TEXT, whole[:1], fin=False), frame(CONTINUATION, whole[1:]))
        client.expect_close(1007)
    client = Client(echo)
    client.send(frame(BINARY, data))
    assert client.receive() == (BINARY, data)
    client.expect_alive()


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
                                  3000, 3999, 4000, 4999])
def test_a_goodbye_is_answered_with_its_code(client, code):
    client.send(frame(CLOSE, struct.pack(">H", code) + "Tschüß".encode()))
    client.expect_close(code)


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_codes_that_nobody_may_send_break_the_protocol(client, code):
    client.send(frame(CLOSE, struct.pack(">H", code)))
    client.expect_close(1002)


def test_goodbyes_without_code_with_half_a_code_and_with_bad_text(echo):
    client = Client(echo)
    client.send(frame(CLOSE))
    client.expect_close(None)
    client = Client(echo)
    client.send(frame(CLOSE, b"\x03"))
    client.expect_close(1002)
    client = Client(echo)
    client.send(frame(CLOSE, b"\x03\xe8" + b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80"))
    client.expect_close(1007)
    client = Client(echo)
    client.send(frame(CLOSE, b"\x03\xe8" + b"x" * 123))
    client.expect_close(1000)


def test_nothing_is_answered_behind_a_goodbye(client):
    client.send(frame(TEXT, b"fra", fin=False), frame(CLOSE, b"\x03\xe8"), frame(PING, b"late"), frame(TEXT, b"late"))
    client.expect_close(1000)


def test_a_large_echo_is_delivered_before_the_goodbye(client):
    blob = os.urandom(8 << 20)
    client.send(frame(BINARY, blob), frame(CLOSE, b"\x03\xe8"))
    assert client.receive() == (BINARY, blob)
    client.expect_close(1000)


def test_frames_right_behind_the_request_are_read(echo):
    behind = frame(TEXT, b"one") + frame(PING, b"two") + frame(BINARY, b"three" * 100)
    client = Client(echo, behind=behind)
    assert [client.receive() for _ in range(3)] == [(TEXT, b"one"), (PONG, b"two"), (BINARY, b"three" * 100)]
    client.expect_alive()
    client = Client(echo, behind=behind[:7])
    client.send(behind[7:])
    assert [client.receive() for _ in range(3)] == [(TEXT, b"one"), (PONG, b"two"), (BINARY, b"three" * 100)]


def test_bytes_may_come_one_by_one(client):
    client.drip(frame(TEXT, b"slow" * 40) + frame(PING, b"p") + frame(TEXT, "ä".encode()[:1], fin=False)
                + frame(CONTINUATION, "ä".encode()[1:]) + frame(BINARY, b"x" * 300) + frame(CLOSE, b"\x0f\xa0"))
    assert [client.receive() for _ in range(4)] == [
        (TEXT, b"slow" * 40), (PONG, b"p"), (TEXT, "ä".encode()), (BINARY, b"x" * 300)]
    client.expect_close(4000)


def test_a_sender_who_reads_nothing_is_held_back(echo):
    client = Client(echo)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.socket.settimeout(1)
    sent, block = 0, frame(BINARY, os.urandom(60_000))
    with pytest.raises(TimeoutError):
        while sent < 200 << 20:
            sent += client.socket.send(block)
    assert sent < 40 << 20


def test_anything_at_all_is_answered_or_refused(echo):
    seed = int(os.environ.get("SEED", time.time()))
    print("SEED", seed)
    rng = random.Random(seed)
    for _ in range(400):
        client = Client(echo)
        data = b"".join(
            frame(rng.choice([0, 1, 1, 2, 2, 9, 10, rng.randrange(16)]), rng.randbytes(rng.choice([0, 1, 5, 125, 126, 300])),
                  fin=rng.random() < 0.8, rsv=rng.choice([0] * 30 + [1, 2, 4]), masked=rng.random() < 0.97,
                  length_form=rng.choice([None] * 20 + [64])) if rng.random() < 0.95 else rng.randbytes(rng.randrange(20))
            for _ in range(rng.randrange(1, 12)))
        try:
            client.socket.sendall(data + frame(CLOSE, b"\x03\xe8"))
            client.socket.shutdown(socket.SHUT_WR)
            client.socket.settimeout(5)
            while client.socket.recv(65536):
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass
        client.socket.close()
    Client(echo).expect_alive()
