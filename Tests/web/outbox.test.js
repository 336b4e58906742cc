// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox, Sender } from "../../nginx/site/static/js/outbox.js";
import { SafeStorage } from "../../nginx/site/static/js/utils.js";
import { MemoryStorage, settled } from "./support.js";

const outboxOf = (storage, userId = 1) => new Outbox({ storage: new SafeStorage(storage), userId, now: () => 1000 });
const keysOf = (entries) => entries.map((entry) => entry.client_key);
const answering = (answers) => {
  const sent = [];
  const rest = {
    async send(hallId, content, key) {
      sent.push(key);
      const answer = answers[key]?.shift?.() ?? {};
      if (answer.code) throw Object.assign(new Error(answer.code), answer);
      return { id: sent.length, hall_id: hallId, content };
    },
  };
  return { rest, sent };
};

test("what was written comes back in its order after a reload", () => {
  const storage = new MemoryStorage();
  const outbox = outboxOf(storage);
  for (const key of ["b", "a", "c"]) outbox.add({ clientKey: key, hallId: 1, content: key });

  assert.deepEqual(keysOf(outboxOf(storage).of(1)), ["b", "a", "c"]);
});

test("one person's messages are not another's", () => {
  const storage = new MemoryStorage();
  outboxOf(storage, 1).add({ clientKey: "a", hallId: 1, content: "x" });

  assert.deepEqual(outboxOf(storage, 11).of(1), []);
});

test("two windows do not overwrite each other", () => {
  const storage = new MemoryStorage();
  const [one, two] = [outboxOf(storage), outboxOf(storage)];

  one.add({ clientKey: "a", hallId: 1, content: "x" });
  two.add({ clientKey: "b", hallId: 1, content: "y" });
  one.remove("a");

  assert.deepEqual(keysOf(outboxOf(storage).of(1)), ["b"]);
});

test("what failed is news until it is seen, in every window and after a reload", () => {
  const storage = new MemoryStorage();
  const [one, two] = [outboxOf(storage), outboxOf(storage)];
  one.add({ clientKey: "a", hallId: 1, content: "x" });
  two.add({ clientKey: "b", hallId: 2, content: "y" });
  const later = outboxOf(storage);
  assert.deepEqual([...later.unseenFailures()], []);

  one.fail("a", "hall_archived");
  assert.equal(later.storageChanged("halls.outbox.1.a", storage.getItem("halls.outbox.1.a")), true);
  for (const outbox of [one, later, outboxOf(storage)]) assert.deepEqual([...outbox.unseenFailures()], [1]);

  assert.equal(one.see(2), false);
  assert.equal(one.see(1), true);
  later.storageChanged("halls.outbox.1.a", storage.getItem("halls.outbox.1.a"));
  for (const outbox of [one, later, outboxOf(storage)]) assert.deepEqual([...outbox.unseenFailures()], []);
});

test("a failed message stops nothing and comes back with retry, under its own key", () => {
  const outbox = outboxOf(new MemoryStorage());
  outbox.add({ clientKey: "a", hallId: 1, content: "x" });
  outbox.add({ clientKey: "b", hallId: 1, content: "y" });

  outbox.fail("a", "internal");
  assert.equal(outbox.next(1).client_key, "b");
  outbox.retry("a");

  assert.equal(outbox.next(1).client_key, "a");
  assert.equal(outbox.get("a").code, undefined);
});

test("what another window confirmed is forgotten, what is under way is not", () => {
  const outbox = outboxOf(new MemoryStorage());
  outbox.add({ clientKey: "a", hallId: 1, content: "x" });
  outbox.add({ clientKey: "b", hallId: 1, content: "y" }).is_sending = true;

  assert.equal(outbox.storageChanged("halls.outbox.1.a", null), true);
  assert.equal(outbox.storageChanged("halls.outbox.1.b", null), false);
  assert.equal(outbox.storageChanged("halls.draft.1.1", null), false);
  assert.equal(outbox.storageChanged(null, null), false);

  assert.deepEqual(keysOf(outbox.of(1)), ["b"]);
});

/** Two outboxes over one storage: what one writes reaches the other as the browser would tell it. */
function twoWindows() {
  const storage = new MemoryStorage();
  const one = outboxOf(storage);
  one.add({ clientKey: "a", hallId: 1, content: "x" });
  const key = "halls.outbox.1.a";
  return { storage, one, other: outboxOf(storage), tell: (outbox) => outbox.storageChanged(key, storage.getItem(key)) };
}

test("a message that failed in one window failed in the other, and is lost in neither", () => {
  const { storage, one, other, tell } = twoWindows();

  one.fail("a", "hall_archived");
  assert.equal(tell(other), true);

  assert.deepEqual([other.get("a").state, other.get("a").code], ["failed", "hall_archived"]);
  assert.deepEqual(keysOf(outboxOf(storage).of(1)), ["a"]);
  one.retry("a");
  assert.equal(tell(other), true);
  assert.deepEqual([other.get("a").state, other.get("a").code], ["pending", undefined]);
});

test("a message that one window deleted is gone from both, and the other writes nothing", () => {
  const { storage, one, other, tell } = twoWindows();
  one.remove("a");
  Object.defineProperty(storage, "removeItem", { value: () => assert.fail("the storage is the other window's") });

  assert.equal(tell(other), true);

  assert.deepEqual(other.of(1), []);
});

test("what another window stored in a shape of its own is not taken", () => {
  const { other } = twoWindows();

  assert.equal(other.storageChanged("halls.outbox.1.a", "{"), false);
  assert.equal(other.storageChanged("halls.outbox.1.a", "7"), false);
  assert.equal(other.storageChanged("halls.outbox.1.b", '{"state":"failed"}'), false);

  assert.equal(other.get("a").state, "pending");
});

test("an outbox without storage still holds what was written", () => {
  const outbox = outboxOf(null);

  outbox.add({ clientKey: "a", hallId: 1, content: "x" });

  assert.equal(outbox.next(1).content, "x");
});

const senderOf = (outbox, rest, mayTry = () => true) => new Sender({ outbox, rest, socket: { connected: false }, mayTry });

test("messages of a hall are sent one after the other, in order", async () => {
  const outbox = outboxOf(new MemoryStorage());
  const { rest, sent } = answering({});
  const confirmed = [];
  const sender = senderOf(outbox, rest).on("confirmed", (message) => confirmed.push(message.client_key));
  for (const key of ["a", "b", "c"]) outbox.add({ clientKey: key, hallId: 1, content: key });

  sender.flush();
  assert.deepEqual(sent, ["a"]);
  await settled();

  assert.deepEqual(sent, ["a", "b", "c"]);
  assert.deepEqual(confirmed, ["a", "b", "c"]);
  assert.deepEqual(outbox.of(1), []);
});

test("what the server refuses for good is failed at once, the next is sent", async () => {
  const outbox = outboxOf(new MemoryStorage());
  const { rest, sent } = answering({ a: [{ code: "message_too_long" }] });
  for (const key of ["a", "b"]) outbox.add({ clientKey: key, hallId: 1, content: key });

  senderOf(outbox, rest).flush();
  await settled();

  assert.deepEqual(sent, ["a", "b"]);
  assert.deepEqual(outbox.of(1).map(({ state, code }) => [state, code]), [["failed", "message_too_long"]]);
});

test("nothing is tried while nothing answers, and the message stays pending", async () => {
  const outbox = outboxOf(new MemoryStorage());
  const { rest, sent } = answering({});
  let isThere = false;
  const sender = senderOf(outbox, rest, () => isThere);
  outbox.add({ clientKey: "a", hallId: 1, content: "x" });

  sender.flush();
  await settled();
  assert.deepEqual(sent, []);
  isThere = true;
  sender.flushNow();
  await settled();

  assert.deepEqual(sent, ["a"]);
});

test("a retry after a lost answer carries the same key", async () => {
  const outbox = outboxOf(new MemoryStorage());
  const { rest, sent } = answering({ a: [{ code: "offline" }] });
  const sender = senderOf(outbox, rest);
  outbox.add({ clientKey: "a", hallId: 1, content: "x" });

  sender.flush();
  await settled();
  assert.equal(outbox.get("a").state, "pending");
  sender.flushNow();
  await settled();

  assert.deepEqual(sent, ["a", "a"]);
  assert.deepEqual(outbox.of(1), []);
});

test("who is too fast is told when, and is not tried before", async () => {
  const outbox = outboxOf(new MemoryStorage());
  const { rest, sent } = answering({ a: [{ code: "rate_limited", retryAfter: 2.5 }] });
  const waits = [];
  const sender = senderOf(outbox, rest).on("waiting", (...values) => waits.push(values));
  outbox.add({ clientKey: "a", hallId: 1, content: "x" });

  sender.flush();
  await settled();
  sender.flushNow();
  await settled();
  sender.stop();

  assert.deepEqual(waits, [[1, 3]]);
  assert.deepEqual(sent, ["a"]);
});

test("a session that ended keeps the message", async () => {
  const outbox = outboxOf(new MemoryStorage());
  const { rest } = answering({ a: [{ code: "unauthenticated" }] });
  let ended = 0;
  const sender = senderOf(outbox, rest).on("unauthenticated", () => (ended += 1));
  outbox.add({ clientKey: "a", hallId: 1, content: "x" });

  sender.flush();
  await settled();

  assert.equal(ended, 1);
  assert.equal(outbox.get("a").state, "pending");
});

test("without an acknowledgement by socket the same key goes by REST", async () => {
  const outbox = outboxOf(new MemoryStorage());
  const { rest, sent } = answering({});
  const socket = {
    connected: true,
    timeout: () => ({ emitWithAck: async () => { throw new Error("operation has timed out"); } }),
  };
  outbox.add({ clientKey: "a", hallId: 1, content: "x" });

  new Sender({ outbox, rest, socket, mayTry: () => true }).flush();
  await settled();

  assert.deepEqual(sent, ["a"]);
  assert.deepEqual(outbox.of(1), []);
});
