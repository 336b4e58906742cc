# SPDX-License-Identifier: Apache-2.0
"""Stock clients, and raw ones, against the echo server."""

import asyncio
import concurrent.futures
import json
import os
import threading
import time

import pytest
import requests
import socketio
import websocket

from echo_server import engine_echo, patient_echo, product_echo  # noqa: F401
from listener import OrderedClient

WAYS = [["polling"], ["websocket"], None]


class Answers:
    """What comes back, in order."""

    def __init__(self):
        self.items, self.condition = [], threading.Condition()

    def __call__(self, *arguments):
        with self.condition:
            self.items.append(arguments)
            self.condition.notify_all()

    def wait(self, count=1, timeout=5):
        with self.condition:
            assert self.condition.wait_for(lambda: len(self.items) >= count, timeout), self.items
            return self.items[:count]


def run_apart(coroutine):
    """Runs a coroutine in a thread of its own: the browser tests leave an event loop in this one."""
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


@pytest.mark.parametrize("transports", WAYS)
@pytest.mark.parametrize("namespace", ["/", "/custom"])
def test_the_python_client(patient_echo, transports, namespace):
    client = OrderedClient()
    auth, back, gone = Answers(), Answers(), Answers()
    client.on("auth", auth, namespace=namespace)
    client.on("message-back", back, namespace=namespace)
    client.on("disconnect", gone, namespace=namespace)
    client.connect(f"http://127.0.0.1:{patient_echo}", transports=transports, namespaces=[namespace], auth={"token": "ä😀"})
    assert auth.wait() == [({"token": "ä😀"},)]
    if transports is None:
        assert client.transport() == "websocket"
    client.emit("message", ("text ä😀\x1e\n", 1, -1.5, None, {"a": [True]}), namespace=namespace)
    client.emit("message", ({"bin": b"\x00\x01\xff" * 1000, "more": [b"", b"x"]}, b"y" * 5000), namespace=namespace)
    assert back.wait(2) == [("text ä😀\x1e\n", 1, -1.5, None, {"a": [True]}),
                            ({"bin": b"\x00\x01\xff" * 1000, "more": [b"", b"x"]}, b"y" * 5000)]
    assert client.call("message-with-ack", ("a", 2), namespace=namespace, timeout=5) == ("a", 2)
    assert client.call("message-with-ack", b"bin", namespace=namespace, timeout=5) == b"bin"
    for number in range(200):
        client.emit("message", number, namespace=namespace)
    assert back.wait(202)[2:] == [(number,) for number in range(200)]
    time.sleep(1.2)  # some pings
    assert client.connected and not gone.items
    client.disconnect()


@pytest.mark.parametrize("transports", WAYS)
def test_the_asynchronous_python_client(patient_echo, transports):
    async def run():
        client = socketio.AsyncClient()
        back = asyncio.Queue()
        client.on("message-back", lambda *arguments: back.put_nowait(arguments))
        await client.connect(f"http://127.0.0.1:{patient_echo}", transports=transports)
        await client.emit("message", ("x", b"bin", {"b": b"ary"}))
        assert await asyncio.wait_for(back.get(), 5) == ("x", b"bin", {"b": b"ary"})
        assert await client.call("message-with-ack", {"q": b"1"}, timeout=5) == {"q": b"1"}
        big = os.urandom(700_000)
        await client.emit("message", big)
        assert await asyncio.wait_for(back.get(), 5) == (big,)
        await client.disconnect()

    run_apart(run())


def test_many_clients_upgrade_at_once_and_each_is_answered_in_order(product_echo):
    """With two event loops about half of these sessions live on another loop than their WebSocket."""

    async def wait_until(condition):
        for _ in range(200):
            if condition():
                return
            await asyncio.sleep(0.05)
        assert condition()

    async def run():
        clients = [socketio.AsyncClient() for _ in range(100)]
        back, shouts = [[] for _ in clients], [[] for _ in clients]
        for client, mine, heard in zip(clients, back, shouts):
            client.on("message-back", mine.append)
            client.on("shout-back", heard.append)
        await asyncio.gather(*(client.connect(f"http://127.0.0.1:{product_echo}") for client in clients))
        assert all(client.transport() == "websocket" for client in clients)

        async def talk(client):
            for number in range(100):
                await client.emit("message", number if number % 3 else {"n": number, "b": b"x" * number})

        await asyncio.gather(*(talk(client) for client in clients))
        await wait_until(lambda: all(len(mine) == 100 for mine in back))
        for mine in back:
            assert mine == [number if number % 3 else {"n": number, "b": b"x" * number} for number in range(100)]
        # A shout reaches those on the loop of who shouts; so everybody hears everybody on the same loop.
        await asyncio.gather(*(client.emit("shout", number) for number, client in enumerate(clients)))
        await wait_until(lambda: all(number in heard for number, heard in enumerate(shouts)))
        await asyncio.sleep(0.2)
        assert all(sorted(heard) == sorted(shouts[heard[0]]) for heard in shouts)
        assert len({len(heard) for heard in shouts}) <= 2 and all(len(set(h)) == len(h) for h in shouts)
        await asyncio.gather(*(client.disconnect() for client in clients))

    run_apart(run())


def test_a_websocket_client_that_never_polls(patient_echo):
    client = websocket.create_connection(f"ws://127.0.0.1:{patient_echo}/socket.io/?EIO=4&transport=websocket&b64=1&t=abc&x=%20")
    handshake = json.loads(client.recv()[1:])
    assert handshake["upgrades"] == [] and set(handshake) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
    client.send("40")
    assert json.loads(client.recv()[2:])["sid"] != handshake["sid"]
    assert client.recv() == '42["auth",{}]'
    client.send('42["message","x"]')
    assert client.recv() == '42["message-back","x"]'
    client.close()


def test_polling_by_hand(patient_echo):
    http = requests.Session()
    url = f"http://127.0.0.1:{patient_echo}/socket.io/?EIO=4&transport=polling&b64=1&t=Nx1&whatever=&=&&%zz"
    answer = http.get(url)
    assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8" and answer.text[0] == "0"
    url += "&sid=" + json.loads(answer.text[1:])["sid"]
    assert http.post(url, data="40").text == "ok"
    assert http.get(url).text.split("\x1e")[1] == '42["auth",{}]'
    assert http.post(url, data='42["message","a"]\x1e451-["message",{"_placeholder":true,"num":0}]\x1ebAQI=').text == "ok"
    assert http.get(url).text.split("\x1e") == [
        '42["message-back","a"]', '451-["message-back",{"_placeholder":true,"num":0}]', "bAQI="]
    assert http.post(url, data="x" * 1_000_001).status_code == 413
    assert http.get(url).text == "2"
    assert http.post(url, data=b"4\xff").status_code == 400
    assert http.get(url).json() == {"code": 1, "message": "Session ID unknown"}


def test_requests_that_are_refused(patient_echo):
    base = f"http://127.0.0.1:{patient_echo}/socket.io/"
    for query, code in [("", 5), ("?EIO=3&transport=polling", 5), ("?EIO=4", 0), ("?EIO=4&transport=carrier-pigeon", 0),
                        ("?EIO=4&transport=polling&sid=nobody", 1), ("?EIO=4&transport=polling&j=0", 3),
                        ("?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", 1),
                        ("?EIO=4&transport=polling&sid=" + "_" * 20, 1)]:
        answer = requests.get(base + query)
        assert (answer.status_code, answer.json()["code"]) == (400, code), query
    for method in ["POST", "PUT", "DELETE", "PATCH"]:
        assert requests.request(method, base + "?EIO=4&transport=polling").json()["code"] == 2
    assert requests.head(base + "?EIO=4&transport=polling").status_code == 400
    assert requests.get(f"http://127.0.0.1:{patient_echo}/elsewhere").status_code == 404
    assert requests.get(base + "?EIO=4&transport=websocket").status_code == 400
    assert requests.get(base + "?EIO=4&transport=polling", headers={"Origin": "http://evil.example"}).status_code == 403
    assert requests.get(base + "?EIO=4&transport=polling", headers={"Origin": f"http://127.0.0.1:{patient_echo}"}).status_code == 200
    assert requests.get(base + "?EIO=4&transport=polling", headers={"X": "y" * 20_000}).status_code == 431
    assert requests.get(base + "?EIO=4&transport=polling", headers={f"X{i}": "y" for i in range(200)}).status_code == 431


def test_the_engine_below_echoes(engine_echo):
    http = requests.Session()
    url = f"http://127.0.0.1:{engine_echo}/engine.io/?EIO=4&transport=polling"
    url += "&sid=" + json.loads(http.get(url).text[1:])["sid"]
    assert http.post(url, data="4a\x1ebAQIDBA==\x1e4b").text == "ok"
    assert http.get(url).text == "4a\x1ebAQIDBA==\x1e4b"


def test_who_reads_nothing_is_closed_as_too_slow(product_echo):
    client = websocket.create_connection(
        f"ws://127.0.0.1:{product_echo}/socket.io/?EIO=4&transport=websocket", sockopt=((1, 8, 4096),))
    client.recv(); client.send("40"); client.recv(); client.recv()
    text = '42["message","' + "x" * 100_000 + '"]'
    client.settimeout(5)
    with pytest.raises((OSError, websocket.WebSocketException)):
        for _ in range(1000):
            client.send(text)
