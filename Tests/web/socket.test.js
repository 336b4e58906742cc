// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { io } from "../../nginx/site/static/js/socket.js";

/** A WebSocket whose other end is the test. */
class FakeWebSocket {
  static all = [];
  readyState = 1;
  sent = [];

  constructor(address) {
    this.address = address;
    FakeWebSocket.all.push(this);
  }

  send(text) {
    this.sent.push(text);
  }

  close() {
    this.readyState = 3;
  }

  say(text) {
    this.onmessage?.({ data: text });
  }

  break() {
    this.readyState = 3;
    this.onclose?.();
  }
}

const handshake = '0{"sid":"e","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000}';
const latest = () => FakeWebSocket.all.at(-1);

function connect(options = {}) {
  const socket = io("https://chat.example", { path: "/socket.io/", WebSocket: FakeWebSocket, ...options });
  const events = [];
  for (const event of ["connect", "disconnect", "connect_error"]) {
    socket.on(event, (value) => events.push([event, value?.message ?? value]));
  }
  return { socket, events };
}

function welcome() {
  latest().say(handshake);
  latest().say('40{"sid":"s"}');
}

function withTimers(t) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(Math, "random", () => 0.5);
}

test("it asks for a WebSocket of Engine.IO 4 and greets with its auth", () => {
  const { socket } = connect({ auth: { token: "t" } });

  assert.equal(latest().address, "wss://chat.example/socket.io/?EIO=4&transport=websocket");
  latest().say(handshake);
  assert.deepEqual(latest().sent, ['40{"token":"t"}']);
  socket.disconnect();
});

test("it is connected when the namespace answers, and then sends what waited", () => {
  const { socket, events } = connect();
  socket.emit("early", 1);
  assert.equal(socket.connected, false);

  welcome();

  assert.equal(socket.connected, true);
  assert.equal(socket.id, "s");
  assert.deepEqual(latest().sent, ["40", '42["early",1]']);
  assert.deepEqual(events, [["connect", undefined]]);
  socket.disconnect();
});

test("it answers pings and passes events on", () => {
  const { socket } = connect();
  const seen = [];
  socket.on("new_message", (value) => seen.push(value));
  welcome();

  latest().say("2");
  latest().say('42["new_message",{"id":1}]');

  assert.equal(latest().sent.at(-1), "3");
  assert.deepEqual(seen, [{ id: 1 }]);
  socket.disconnect();
});

test("acknowledgements find their emit, in both directions", async () => {
  const { socket } = connect();
  welcome();
  socket.on("ask", (value, answer) => answer(value + 1));

  const first = socket.emitWithAck("a");
  const second = socket.timeout(1000).emitWithAck("b");
  latest().say('431["second"]');
  latest().say('430["first"]');
  latest().say('427["ask",1]');

  assert.deepEqual(await Promise.all([first, second]), ["first", "second"]);
  assert.equal(latest().sent.at(-1), "437[2]");
  socket.disconnect();
});

test("an acknowledgement that does not come is an error in time", async (t) => {
  withTimers(t);
  const { socket } = connect();
  welcome();

  const answer = socket.timeout(100).emitWithAck("a");
  t.mock.timers.tick(100);

  await assert.rejects(answer, /timed out/u);
  socket.disconnect();
});

test("a connection that breaks ends what waits for an acknowledgement and comes back", async (t) => {
  withTimers(t);
  const { socket, events } = connect();
  welcome();
  const answer = socket.timeout(60_000).emitWithAck("a");

  latest().break();
  await assert.rejects(answer, /disconnected/u);
  const count = FakeWebSocket.all.length;
  t.mock.timers.tick(999);
  assert.equal(FakeWebSocket.all.length, count);
  t.mock.timers.tick(1);
  assert.equal(FakeWebSocket.all.length, count + 1);
  welcome();

  assert.deepEqual(events, [["connect", undefined], ["disconnect", "transport close"], ["connect", undefined]]);
  socket.disconnect();
});

test("what waits for an acknowledgement without a time ends with the connection, too", async (t) => {
  withTimers(t);
  const { socket } = connect();
  t.after(() => socket.disconnect());
  const early = socket.emitWithAck("early");
  welcome();
  const answers = [];
  socket.emit("plain", (...values) => answers.push(values));

  latest().say('430["answered"]');
  const late = socket.emitWithAck("late");
  latest().break();
  const waiting = socket.emitWithAck("waiting");
  t.mock.timers.tick(1000);
  welcome();
  // An answer of the connection before, and one to what waited for this one.
  latest().say('431["too late"]');
  latest().say('433["sent again"]');

  assert.equal(await early, "answered");
  await assert.rejects(late, /disconnected/u);
  assert.equal(await waiting, "sent again");
  assert.deepEqual(answers, [], "who takes no error hears none");
});

test("who is let in but not served comes back more and more slowly, who is served at once", (t) => {
  withTimers(t);
  const { socket } = connect();
  t.after(() => socket.disconnect());
  const comesBackAfter = () => {
    const count = FakeWebSocket.all.length;
    let milliseconds = 0;
    for (; FakeWebSocket.all.length === count && milliseconds < 60_000; milliseconds += 100) t.mock.timers.tick(100);
    return milliseconds;
  };

  const delays = [];
  for (let time = 0; time < 3; time += 1) {
    welcome();
    socket.io.engine.close();
    delays.push(comesBackAfter());
  }
  assert.deepEqual(delays, [1000, 2000, 4000]);
  for (const sign of ['42["new_message",{}]', "2"]) {
    welcome();
    latest().say(sign);
    latest().break();
    assert.equal(comesBackAfter(), 1000);
  }
});

test("what comes is told, as by the stock client's manager", (t) => {
  const { socket } = connect();
  t.after(() => socket.disconnect());
  const heard = [];
  for (const event of ["ping", "packet"]) socket.io.on(event, () => heard.push(event));

  welcome();
  latest().say("2");
  latest().say('42["new_message",{}]');

  assert.deepEqual(heard, ["packet", "ping", "packet"]);
});

test("silence longer than interval and timeout is a ping timeout", (t) => {
  withTimers(t);
  const { socket, events } = connect();
  welcome();

  t.mock.timers.tick(400);
  latest().say("2");
  t.mock.timers.tick(499);
  assert.equal(socket.connected, true);
  t.mock.timers.tick(1);

  assert.deepEqual(events.at(-1), ["disconnect", "ping timeout"]);
  socket.disconnect();
});

test("what the server disconnected does not come back by itself, but on connect()", (t) => {
  withTimers(t);
  const { socket, events } = connect();
  welcome();
  const count = FakeWebSocket.all.length;

  latest().say("41");
  t.mock.timers.tick(100_000);

  assert.deepEqual(events.at(-1), ["disconnect", "io server disconnect"]);
  assert.equal(socket.active, false);
  assert.equal(FakeWebSocket.all.length, count);
  socket.connect();
  welcome();
  assert.equal(socket.connected, true);
  socket.disconnect();
});

test("a refusal is an error with its data and no new attempt", (t) => {
  withTimers(t);
  const { socket } = connect();
  const count = FakeWebSocket.all.length;
  let refusal;
  socket.on("connect_error", (error) => (refusal = error));

  latest().say(handshake);
  latest().say('44{"message":"unauthenticated","data":{"code":"unauthenticated"}}');
  t.mock.timers.tick(100_000);

  assert.equal(refusal.message, "unauthenticated");
  assert.deepEqual(refusal.data, { code: "unauthenticated" });
  assert.equal(FakeWebSocket.all.length, count);
});

test("disconnect() says goodbye and stops every attempt", (t) => {
  withTimers(t);
  const { socket, events } = connect();
  welcome();
  const webSocket = latest();

  socket.disconnect();
  t.mock.timers.tick(100_000);

  assert.equal(webSocket.sent.at(-1), "41");
  assert.deepEqual(events.at(-1), ["disconnect", "io client disconnect"]);
  assert.equal(latest(), webSocket);
});

test("a connection that never opens is an error, then tried again", (t) => {
  withTimers(t);
  const { socket, events } = connect({ timeout: 2000 });
  const count = FakeWebSocket.all.length;

  t.mock.timers.tick(2000);
  assert.deepEqual(events, [["connect_error", "timeout"]]);
  t.mock.timers.tick(1000);

  assert.equal(FakeWebSocket.all.length, count + 1);
  socket.disconnect();
});

test("a packet that is none closes the connection", () => {
  const { socket, events } = connect({ reconnection: false });
  welcome();

  latest().say("42{");

  assert.deepEqual(events.at(-1), ["disconnect", "parse error"]);
  assert.equal(socket.active, false);
});

test("an error in a handler is the handler's own", () => {
  const { socket } = connect();
  welcome();
  for (const error of [new TypeError("own"), new SyntaxError("own"), new Error("own: a packet, a handshake")]) {
    socket.once("x", () => {
      throw error;
    });
    assert.throws(() => latest().say('42["x"]'), /own/u);
    assert.equal(socket.connected, true);
  }
  socket.disconnect();
});

mock.restoreAll();
