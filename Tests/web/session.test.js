// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Session } from "../../nginx/site/static/js/session.js";
import { Emitter, SafeStorage } from "../../nginx/site/static/js/utils.js";
import { MemoryStorage, settled } from "./support.js";

const me = { id: 1, username: "marta" };
const hall = (id, rev) => ({ id, rev, name: `hall ${id}`, private: false, role: "member", archived: false });
const message = (id, values = {}) => ({
  id, rev: id, hall_id: 1, sender_id: 2, username: "ben", content: `m${id}`, created_at: "2026-11-23T09:00:00.000Z", ...values,
});
const page = (ids, values = {}) => ({ messages: ids.map((id) => message(id)), rev: ids.at(-1) ?? 0, has_more: false, ...values });
const idsOf = ({ messages }) => messages.map(({ id }) => id);

/** A socket that answers as it is told; `connected` is the test's to set. */
class FakeSocket extends Emitter {
  connected = false;
  active = true;
  id = "first";
  io = Object.assign(new Emitter(), { engine: { close: () => this.dropped.push("close") } });
  emitted = [];
  dropped = [];
  answers = {};

  timeout() {
    return { emitWithAck: (...values) => this.emitWithAck(...values) };
  }

  async emitWithAck(event, payload) {
    this.emitted.push([event, payload]);
    const answer = this.answers[event]?.(payload) ?? { ok: true, rev: 0 };
    if (answer instanceof Error) throw answer;
    return answer;
  }

  connect() {
    this.dropped.push("connect");
  }

  disconnect() {
    this.dropped.push("disconnect");
  }

  comesOnline() {
    this.connected = true;
    this.emit("connect");
  }

  goesOffline() {
    this.connected = false;
    this.emit("disconnect", "transport close");
  }
}

/** A session over a fake socket and a REST whose answers are functions; its requests are counted by name. */
function sessionOf(t, { answers = {}, halls = [hall(1, 3), hall(2, 3)], viewedId = 1, storage = new MemoryStorage(), ...more } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const requests = {};
  const rest = new Proxy({}, {
    get: (_, name) => async (...values) => {
      (requests[name] ??= []).push(values);
      const known = { halls: () => halls, session: () => ({ user: me }), messages: () => page([1, 2, 3]), ...answers };
      return known[name](...values);
    },
  });
  const socket = new FakeSocket();
  const view = { hallId: viewedId, isAtEnd: true, isRead: true };
  const session = new Session({ user: me, rest, socket, storage: new SafeStorage(storage), view: () => view, ...more });
  session.start(halls);
  t.after(() => session.end());
  return { session, socket, requests, view, storage };
}

const refused = (code) => () => {
  throw Object.assign(new Error(code), { code });
};

test("a hall whose first page failed is loaded when the connection is back", async (t) => {
  const answers = { messages: refused("offline") };
  const { session, socket } = sessionOf(t, { answers });
  await assert.rejects(session.load(1));

  answers.messages = () => page([1, 2, 3]);
  socket.comesOnline();
  await settled();

  assert.deepEqual(idsOf(session.histories.of(1)), [1, 2, 3]);
});

test("a hall in view is tried again by itself, more and more slowly, and no other is", async (t) => {
  const answers = { messages: refused("internal") };
  const { session, socket, requests, view } = sessionOf(t, { answers });
  socket.comesOnline();
  await assert.rejects(session.load(1));

  for (let second = 0; second < 60; second += 1) {
    t.mock.timers.tick(1000);
    await settled();
  }
  assert.ok(requests.messages.length >= 4 && requests.messages.length <= 7, `${requests.messages.length} requests`);
  answers.messages = () => page([1]);
  view.hallId = null;
  t.mock.timers.tick(100_000);
  await settled();

  assert.equal(session.histories.of(1).isLoaded, false);
});

test("by polling, too, a hall that is not loaded is loaded", async (t) => {
  const answers = { messages: refused("internal") };
  const { session } = sessionOf(t, { answers });
  await assert.rejects(session.load(1));

  answers.messages = () => page([1, 2]);
  t.mock.timers.tick(4000);
  await settled();

  assert.deepEqual(idsOf(session.histories.of(1)), [1, 2]);
});

test("who comes back to a hall while it loads waits for the same page", async (t) => {
  const { session, requests } = sessionOf(t);
  let loaded = 0;
  session.on("loaded", () => (loaded += 1));

  await Promise.all([session.load(1), session.load(1)]);

  assert.equal(requests.messages.length, 1);
  assert.equal(loaded, 1);
});

test("what I sent before the first page came stays when it is confirmed", async (t) => {
  const answers = { messages: refused("internal") };
  const { session, socket } = sessionOf(t, { answers });
  socket.comesOnline();
  await assert.rejects(session.load(1));
  socket.answers.send_message = ({ client_key }) => ({ ok: true, message: message(4, { sender_id: 1, client_key }) });

  session.send(1, "m4");
  await settled();
  assert.deepEqual(session.pending(1), []);
  assert.deepEqual(idsOf(session.histories.of(1)), [4]);
  assert.equal(session.histories.of(1).isLoaded, false);
  answers.messages = () => page([1, 2, 3]);
  await session.load(1);

  assert.deepEqual(idsOf(session.histories.of(1)), [1, 2, 3, 4]);
  assert.equal(session.histories.of(1).rev, 4);
});

test("a hall that moved on while it was loaded afresh is caught up with", async (t) => {
  const answers = {
    messages: () => page([1, 2, 3]),
    messagesSince: (_, rev) => (rev === 3
      ? { messages: [], rev: 300, complete: false }
      : { messages: [message(301)], rev: 301, complete: true }),
  };
  const { session, socket } = sessionOf(t, { answers });
  socket.comesOnline();
  await session.load(1);
  answers.messages = () => {
    socket.emit("new_message", message(301));
    return page([299, 300]);
  };

  socket.emit("new_message", message(300));
  await settled();

  assert.deepEqual(idsOf(session.histories.of(1)), [299, 300, 301]);
  socket.emit("new_message", message(302));
  assert.equal(session.histories.of(1).rev, 302);
});

/** Messages from one id to another by the socket. */
const receive = (socket, from, to) => {
  for (let id = from; id <= to; id += 1) socket.emit("new_message", message(id));
};

for (const [name, view] of [
  ["not in view", { hallId: 2, isAtEnd: false }],
  ["read at its end", { hallId: 1, isAtEnd: true }],
]) {
  test(`a hall that is ${name} keeps a bounded number of messages`, async (t) => {
    const { session, socket, view: current } = sessionOf(t);
    await session.load(1);
    Object.assign(current, view);

    receive(socket, 4, 2200);
    assert.equal(session.histories.of(1).messages.length, 2200);
    receive(socket, 2201, 2201);

    assert.equal(session.histories.of(1).messages.length, 2000);
    assert.equal(session.histories.of(1).messages.at(-1).id, 2201);
    assert.equal(session.histories.of(1).hasOlder, true);
  });
}

test("nothing is taken away above which somebody reads", async (t) => {
  const { session, socket, view } = sessionOf(t);
  await session.load(1);
  view.isAtEnd = false;

  receive(socket, 4, 2500);

  assert.equal(session.histories.of(1).messages.length, 2500);
  view.isAtEnd = true;
  receive(socket, 2501, 2501);
  assert.equal(session.histories.of(1).messages.length, 2000);
});

test("who reads above is left where they read, however much was missed", async (t) => {
  const answers = { messagesSince: () => ({ messages: [], rev: 500, complete: false }) };
  const { session, socket, requests, view } = sessionOf(t, { answers });
  socket.comesOnline();
  await session.load(1);
  view.isAtEnd = false;
  let loaded = 0;
  session.on("loaded", () => (loaded += 1));

  receive(socket, 500, 500);
  await settled();
  receive(socket, 501, 502);
  await settled();

  assert.equal(loaded, 0);
  assert.deepEqual(idsOf(session.histories.of(1)), [1, 2, 3]);
  assert.equal(requests.messagesSince.length, 1);
  assert.deepEqual([session.halls.get(1).rev, session.halls.readRev(1)], [502, 3]);
  answers.messages = () => page([500, 501, 502], { has_more: true });
  await session.load(1);
  assert.deepEqual(idsOf(session.histories.of(1)), [500, 501, 502]);
});

test("a hall left behind is loaded afresh when one comes back to it", async (t) => {
  const answers = { messagesSince: () => ({ messages: [], rev: 500, complete: false }) };
  const { session, socket, view } = sessionOf(t, { answers });
  await session.load(1);
  view.isAtEnd = false;
  receive(socket, 500, 500);
  await settled();

  session.leaveView(1);

  assert.equal(session.histories.of(1).isLoaded, false);
});

/** A socket whose joins are not answered in time; `meanwhile` runs before that is known. */
const unanswered = (socket, meanwhile) => () => {
  meanwhile(socket);
  return new Error("operation has timed out");
};
const joinsOf = ({ emitted }) => emitted.filter(([event]) => event === "join_hall").map(([, { hall_id }]) => hall_id);

/** Lets timers and what hangs on them run, in small steps. */
async function pass(t, milliseconds) {
  for (let passed = 0; passed < milliseconds; passed += 500) {
    t.mock.timers.tick(500);
    await settled();
  }
}

test("a slow answer to a join is asked for again, without a new connection", async (t) => {
  const { session, socket } = sessionOf(t, { halls: [hall(1, 3)] });
  await session.load(1);
  socket.answers.join_hall = unanswered(socket, () => socket.io.emit("packet"));
  socket.comesOnline();
  await pass(t, 1000);
  assert.deepEqual(joinsOf(socket), [1]);

  socket.answers.join_hall = () => ({ ok: true, rev: 3, messages: [], complete: true });
  await pass(t, 2500);
  assert.deepEqual(joinsOf(socket), [1]);
  await pass(t, 4000);

  assert.deepEqual(joinsOf(socket), [1, 1]);
  assert.deepEqual(socket.dropped, []);
});

test("a connection on which nothing comes is closed, and comes back in its own time", async (t) => {
  const { session, socket } = sessionOf(t, { halls: [hall(1, 3)] });
  await session.load(1);
  socket.answers.join_hall = unanswered(socket, () => {});

  socket.comesOnline();
  await pass(t, 1000);

  assert.deepEqual(socket.dropped, ["close"]);
});

test("a join that ended with its connection says nothing of the next", async (t) => {
  const { session, socket } = sessionOf(t, { halls: [hall(1, 3)] });
  await session.load(1);
  socket.answers.join_hall = unanswered(socket, () => (socket.id = "second"));

  socket.comesOnline();
  await pass(t, 10_000);

  assert.deepEqual(socket.dropped, []);
  assert.deepEqual(joinsOf(socket), [1]);
});

test("my own message is read; what others wrote before it only if it was before my eyes", async (t) => {
  const { session, socket, view } = sessionOf(t);
  await session.load(1);
  view.hallId = 2;

  socket.emit("new_message", message(4, { sender_id: 1 }));
  assert.equal(session.halls.unread(1), 0);
  socket.emit("new_message", message(5));
  socket.emit("new_message", message(6, { sender_id: 1 }));
  assert.equal(session.halls.unread(1), 2);
  Object.assign(view, { hallId: 1, isRead: false });
  socket.emit("new_message", message(7, { sender_id: 1 }));
  assert.equal(session.halls.unread(1), 3);
  view.isRead = true;
  socket.emit("new_message", message(8, { sender_id: 1 }));

  assert.equal(session.halls.unread(1), 0);
});

/** A session that lost its connection and wrote `contents` meanwhile. */
async function awayWith(t, contents, answers = {}) {
  const made = sessionOf(t, { answers });
  made.socket.answers.send_message = ({ client_key, content }) => {
    made.sent.push(content);
    return { ok: true, message: message(10 + made.sent.length, { sender_id: 1, content, client_key }) };
  };
  made.sent = [];
  made.replaced = 0;
  made.session.on("replaced", () => (made.replaced += 1));
  made.socket.comesOnline();
  await settled();
  made.socket.goesOffline();
  for (const content of contents) made.session.send(1, content);
  await settled();
  return made;
}

test("what was written while away goes out when it is sure who is signed in", async (t) => {
  const { socket, sent, requests } = await awayWith(t, ["one", "two"]);
  assert.deepEqual(sent, []);
  assert.equal(requests.session, undefined);

  socket.comesOnline();
  await settled();

  assert.deepEqual(sent, ["one", "two"]);
  assert.equal(requests.session.length, 1);
});

test("who has nothing to send asks nothing when the connection is back", async (t) => {
  const { session, socket, sent, requests } = await awayWith(t, []);

  socket.comesOnline();
  await settled();
  assert.equal(requests.session, undefined);
  session.send(1, "later");
  await settled();
  session.send(1, "and on");
  await settled();

  assert.deepEqual(sent, ["later", "and on"]);
  assert.equal(requests.session.length, 1);
});

test("nothing is sent under another name", async (t) => {
  const answers = { session: () => ({ user: { id: 2, username: "ben" } }) };
  const made = await awayWith(t, ["mine"], answers);

  made.socket.comesOnline();
  await settled();

  assert.deepEqual(made.sent, []);
  assert.ok(made.replaced > 0);
  assert.equal(made.session.pending(1).length, 1);
});

test("who never had a connection is asked, too, when it comes after a time without any", async (t) => {
  const answers = { halls: refused("offline"), session: () => ({ user: { id: 2, username: "ben" } }) };
  const { session, socket } = sessionOf(t, { answers });
  let replaced = 0;
  session.on("replaced", () => (replaced += 1));
  await pass(t, 5000);
  assert.equal(session.connectionState, "offline");
  session.send(1, "mine");

  socket.comesOnline();
  await settled();

  assert.ok(replaced > 0);
  assert.deepEqual(socket.emitted.filter(([event]) => event === "send_message"), []);
});

test("as long as nobody says who is signed in, it is asked again and nothing is sent", async (t) => {
  const answers = { session: refused("internal") };
  const { socket, sent } = await awayWith(t, ["one"], answers);
  socket.comesOnline();
  await settled();
  assert.deepEqual(sent, []);

  answers.session = () => ({ user: me });
  await pass(t, 7000);

  assert.deepEqual(sent, ["one"]);
});

test("a logout of the site is noticed when the page comes into view, and by and by", async (t) => {
  for (const look of [(session) => session.wake(), () => t.mock.timers.tick(30_000)]) {
    t.mock.timers.reset();
    const answers = {};
    const { session, socket } = sessionOf(t, { answers, isSiteLogin: true });
    let ends = 0;
    session.on("ended", () => (ends += 1));
    socket.comesOnline();
    look(session);
    await settled();
    assert.equal(ends, 0);

    answers.session = () => ({ user: null, login: "site" });
    look(session);
    await settled();

    assert.equal(ends, 1);
    assert.ok(socket.dropped.includes("disconnect"));
  }
});

test("with the site's login nothing is asked for by whoever comes back until it is known who that is", async (t) => {
  const answers = { session: refused("internal") };
  const { session, socket, requests } = sessionOf(t, { answers, isSiteLogin: true });
  const replaced = [];
  session.on("replaced", () => replaced.push(1));
  socket.comesOnline();
  await pass(t, 1000);
  const asked = () => [requests.halls?.length ?? 0, socket.emitted.length];
  const [halls, emitted] = asked();
  assert.ok(emitted > 0);
  assert.equal(requests.session, undefined);

  socket.goesOffline();
  socket.comesOnline();
  await pass(t, 1000);
  assert.equal(requests.session.length, 1);
  assert.deepEqual(asked(), [halls, emitted]);

  answers.session = () => ({ user: me });
  await pass(t, 7000);
  const known = asked();
  assert.ok(known[0] > halls && known[1] > emitted);

  answers.session = () => ({ user: { ...me, id: me.id + 1 } });
  socket.goesOffline();
  socket.comesOnline();
  await pass(t, 1000);
  assert.deepEqual(asked(), known);
  assert.deepEqual(replaced, [1]);
});

test("a login in front of the chat that refuses the question ends the session, no answer does not", async (t) => {
  const answers = { session: refused("offline") };
  const { session, socket } = sessionOf(t, { answers, isSiteLogin: true });
  let ends = 0;
  session.on("ended", () => (ends += 1));
  socket.comesOnline();
  session.wake();
  await settled();
  assert.equal(ends, 0);

  answers.session = refused("unauthenticated");
  session.wake();
  await settled();

  assert.equal(ends, 1);
});

test("with built-in accounts nothing is asked by and by", async (t) => {
  const { socket, requests } = sessionOf(t);
  socket.comesOnline();
  await settled();

  t.mock.timers.tick(300_000);
  await settled();

  assert.equal(requests.session, undefined);
});

const changeOf = (id, change, values = {}) => ({
  message: message(id, { change, content: `m${id} v${change}`, ...values }), change, after: change - 1,
});
const contentsOf = ({ messages }) => messages.map(({ content }) => content);

test("joins and catching up ask for changes from where they are known", async (t) => {
  const answers = { messages: () => page([1, 2, 3], { change: 4 }) };
  const { session, socket, requests } = sessionOf(t, { answers, halls: [hall(1, 3)] });
  await session.load(1);
  answers.messagesSince = () => ({ messages: [], changed: [message(2, { change: 5, content: "second" })], rev: 3, change: 6, complete: true });
  socket.answers.join_hall = ({ since_change: since }) => ({
    ok: true, rev: 3, change: 4, messages: [], changed: since === 4 ? [] : [message(1)], complete: true,
  });

  socket.comesOnline();
  await settled();
  t.mock.timers.tick(50);
  await settled();
  socket.emit("message_changed", changeOf(1, 6));
  await settled();

  assert.deepEqual(socket.emitted.filter(([event]) => event === "join_hall")[0][1], { hall_id: 1, since_rev: 3, since_change: 4 });
  assert.deepEqual(requests.messagesSince, [[1, 3, 4]]);
  assert.deepEqual(contentsOf(session.histories.of(1)), ["m1 v6", "second", "m3"]);
  assert.equal(session.histories.of(1).change, 6);
  assert.equal(session.halls.unread(1), 0);
});

test("a server that counts no changes is asked for none", async (t) => {
  const { session, socket, requests } = sessionOf(t, { halls: [hall(1, 3)], answers: { messagesSince: () => page([4], { complete: true }) } });
  await session.load(1);
  socket.comesOnline();
  await settled();
  t.mock.timers.tick(50);
  await settled();

  receive(socket, 5, 5);
  await settled();

  assert.deepEqual(socket.emitted.filter(([event]) => event === "join_hall")[0][1], { hall_id: 1, since_rev: 3 });
  assert.deepEqual(requests.messagesSince[0], [1, 3, undefined]);
});

test("what changed while a page was on its way is asked for", async (t) => {
  const answers = { messagesSince: () => ({ messages: [], changed: [message(2, { change: 1, content: "new" })], rev: 3, change: 1, complete: true }) };
  const { session, socket, requests } = sessionOf(t, { answers });
  answers.messages = () => {
    socket.emit("message_changed", changeOf(2, 1));
    return page([1, 2, 3], { change: 0 });
  };

  await session.load(1);
  await settled();

  assert.deepEqual(requests.messagesSince, [[1, 3, 0]]);
  assert.deepEqual(contentsOf(session.histories.of(1)), ["m1", "new", "m3"]);
});

test("by polling, too, what changed is asked for", async (t) => {
  const answers = { messages: () => page([1, 2, 3], { change: 1 }), halls: () => [{ ...hall(1, 3), change: 2 }] };
  answers.messagesSince = () => ({ messages: [], changed: [message(1, { change: 2, content: "", deleted: "moderator" })], rev: 3, change: 2, complete: true });
  const { session, requests } = sessionOf(t, { answers });
  await session.load(1);

  await pass(t, 6000);

  assert.deepEqual(requests.messagesSince[0], [1, 3, 1]);
  assert.equal(session.histories.of(1).get(1).deleted, "moderator");
});

test("who reads above what was missed still sees what is shown change", async (t) => {
  const answers = { messages: () => page([1, 2, 3], { change: 0 }) };
  answers.messagesSince = (_, rev) => (rev < 500
    ? { messages: [], rev: 500, change: 2, complete: false }
    : { messages: [], changed: [message(2, { change: 2, content: "", deleted: "sender" })], rev: 500, change: 2, complete: true });
  const { session, socket, requests, view } = sessionOf(t, { answers });
  await session.load(1);
  view.isAtEnd = false;

  receive(socket, 500, 500);
  await settled();
  t.mock.timers.tick(1);
  await settled();

  assert.deepEqual(requests.messagesSince, [[1, 3, 0], [1, 500, 0]]);
  assert.deepEqual(contentsOf(session.histories.of(1)), ["m1", "", "m3"]);
});

test("what others change is told, what I change is not", async (t) => {
  const { session, socket } = sessionOf(t);
  await session.load(1);
  const told = [];
  session.on("changed", ({ id }) => told.push(id));

  socket.emit("message_changed", changeOf(1, 1));
  socket.emit("message_changed", changeOf(2, 2, { sender_id: 1 }));
  socket.emit("message_changed", changeOf(2, 3, { sender_id: 1, content: "", deleted: "sender" }));
  socket.emit("message_changed", changeOf(3, 4, { sender_id: 1, content: "", deleted: "moderator" }));

  assert.deepEqual(told, [1, 3]);
});

/** A session online in a hall with my messages 1 to 3; `sent` is what went to the server. */
async function editing(t, answer) {
  const answers = { messages: () => ({ ...page([]), messages: [1, 2, 3].map((id) => message(id, { sender_id: 1 })), rev: 3, change: 0 }) };
  const made = sessionOf(t, { answers, halls: [hall(1, 3)] });
  made.sent = [];
  for (const event of ["edit_message", "delete_message"]) {
    made.socket.answers[event] = (payload) => {
      made.sent.push([event, payload]);
      return answer?.(payload) ?? { ok: true, message: message(payload.id, { sender_id: 1, change: 1, content: payload.content ?? "", ...(payload.content ? { edited_at: "2026-11-23T10:00:00.000Z" } : { deleted: "sender" }) }) };
    };
  }
  await made.session.load(1);
  made.socket.comesOnline();
  await settled();
  made.history = made.session.histories.of(1);
  made.shown = () => made.history.messages.map((each) => made.session.changes.apply(each));
  return made;
}

test("an edit is shown at once, and is the message's text when it is acknowledged", async (t) => {
  const { session, sent, history, shown } = await editing(t);

  session.changes.edit(history.get(2), "new");
  assert.deepEqual([shown()[1].content, shown()[1].edit.state], ["new", "pending"]);
  assert.equal(history.get(2).content, "m2");
  await settled();

  assert.deepEqual(sent, [["edit_message", { hall_id: 1, id: 2, content: "new" }]]);
  assert.deepEqual([history.get(2).content, shown()[1].edit], ["new", undefined]);
});

test("a refused edit leaves the old text and keeps what was written, until it is given up", async (t) => {
  const { session, history, shown, storage } = await editing(t, () => ({ ok: false, error: { code: "edit_time_over", limit: 60 } }));
  const refused = [];
  session.changes.on("refused", ({ message_id: id, content }, code) => refused.push([id, content, code]));

  session.changes.edit(history.get(2), "new");
  await settled();

  assert.deepEqual(refused, [[2, "new", "edit_time_over"]]);
  assert.deepEqual([shown()[1].content, shown()[1].edit], ["m2", { content: "new", state: "failed", code: "edit_time_over" }]);
  session.changes.discard(history.get(2));
  assert.equal(shown()[1].edit, undefined);
  assert.deepEqual(Object.keys(storage).filter((key) => key.includes(".change.")), []);
});

test("a deletion hides at once and is sent after five seconds, or never if it is undone", async (t) => {
  const { session, sent, history, shown, storage } = await editing(t);
  let now = Date.now();
  t.mock.method(Date, "now", () => now);
  const wait = async (milliseconds) => {
    now += milliseconds;
    t.mock.timers.tick(milliseconds);
    await settled();
  };

  session.changes.delete(history.get(1));
  session.changes.delete(history.get(2));
  assert.deepEqual(shown().map(({ content, is_deleting: is, can_undo: can }) => [content, is, can]).slice(0, 2), [["", true, true], ["", true, true]]);
  assert.ok(Object.entries(storage).every(([key, value]) => !key.includes(".change.") || !value.includes("m1")));
  await wait(4900);
  assert.deepEqual(sent, []);
  session.changes.undo(history.get(1));
  assert.equal(shown()[0].content, "m1");
  await wait(200);

  assert.deepEqual(sent, [["delete_message", { hall_id: 1, id: 2 }]]);
  assert.deepEqual([history.get(1).deleted, history.get(2).deleted], [undefined, "sender"]);
});

test("a pushed change of a person counts at once; with each connection it is asked again, after the halls are joined", async (t) => {
  const order = [];
  const answers = { users: (ids) => (order.push(["users", ...ids]), []) };
  const { session, socket, requests } = sessionOf(t, { answers });
  socket.answers.join_hall = ({ hall_id: id }) => (order.push(["join", id]), { ok: true, rev: 3 });
  const settle = async () => {
    await settled();
    t.mock.timers.tick(50);
    await settled();
  };
  socket.comesOnline();
  await settle();
  await settle();

  socket.emit("user_changed", { user: { id: 2, username: "ben", name: "Ben", version: 1 } });
  socket.emit("user_changed", { user: { id: 1, username: "marta2", name: "Marta", version: 1 } });
  assert.equal(session.people.of(2, "ben").name, "Ben");
  assert.equal(session.user.name, "Marta");
  assert.equal(session.user.username, "marta2");

  socket.goesOffline();
  socket.comesOnline();
  await settle();
  await settle();

  assert.deepEqual(order, [["join", 1], ["join", 2], ["users", 1], ["join", 1], ["join", 2], ["users", 2, 1]]);
  assert.deepEqual(requests.users[1], [[2, 1], [1, 1]]);
});
