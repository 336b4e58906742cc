// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Halls } from "../../nginx/site/static/js/halls.js";
import { MarkSender } from "../../nginx/site/static/js/read-marks.js";
import { SafeStorage } from "../../nginx/site/static/js/utils.js";
import { MemoryStorage, settled } from "./support.js";

const hall = (id, rev, read) => ({ id, rev, name: `hall ${id}`, private: false, role: "member", archived: false, read });
const hallsOf = (storage = new MemoryStorage()) => new Halls({ storage: new SafeStorage(storage), userId: 1 });
const stored = (storage) => JSON.parse(storage.getItem("halls.seen.1") ?? "{}");

/** A sender whose server answers as it is told, and what it was sent: [hall, rev] each. */
function senderOf(t, halls, { answer = (_, rev) => ({ ok: true, rev }), connected = true } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const [sent, requested] = [[], []];
  const given = { answer, mayTry: true };
  const socket = {
    connected,
    timeout: () => ({
      emitWithAck: async (event, { hall_id: hallId, rev }) => {
        assert.equal(event, "mark_read");
        sent.push([hallId, rev]);
        return given.answer(hallId, rev);
      },
    }),
  };
  const rest = {
    markRead: async (hallId, rev, options) => {
      requested.push([hallId, rev, options?.keepalive ?? false]);
      return given.answer(hallId, rev);
    },
  };
  const sender = new MarkSender({ halls, socket, rest, mayTry: () => given.mayTry });
  t.after(() => sender.stop());
  const pass = async (milliseconds) => {
    t.mock.timers.tick(milliseconds);
    await settled();
  };
  return { sender, sent, requested, given, pass };
}

test("what the server says is read, is", () => {
  const halls = hallsOf();

  halls.replace([hall(1, 9, 4), hall(2, 3, 3)]);

  assert.deepEqual([halls.unread(1), halls.unread(2), halls.unreadTotal()], [5, 0, 5]);
});

test("another device's reading counts here, and never takes back what was read here", () => {
  const halls = hallsOf();
  halls.replace([hall(1, 9, 4)]);

  halls.confirmRead(1, 7);
  assert.equal(halls.unread(1), 2);
  halls.markRead(1);
  halls.confirmRead(1, 8);
  halls.replace([hall(1, 9, 8)]);

  assert.equal(halls.unread(1), 0);
});

test("only what the server does not know is kept on the device", () => {
  const storage = new MemoryStorage();
  const halls = hallsOf(storage);
  halls.replace([hall(1, 9, 4), hall(2, 3, 3)]);
  assert.deepEqual(stored(storage), {});

  halls.markRead(1, 6);
  assert.deepEqual(stored(storage), { 1: 6 });
  assert.equal(hallsOf(storage).readRev(1), 6);
  halls.confirmRead(1, 6);

  assert.deepEqual(stored(storage), {});
});

test("a confirmation takes nothing from what another window has yet to send", () => {
  const storage = new MemoryStorage();
  const [one, two] = [hallsOf(storage), hallsOf(storage)];
  for (const halls of [one, two]) halls.replace([hall(1, 9, 4), hall(2, 9, 4)]);
  one.markRead(1);
  two.markRead(2);

  one.confirmRead(1, 9);

  assert.deepEqual(stored(storage), { 2: 9 });
});

test("what a browser kept before there were marks is sent to a server that knows none, once each", async (t) => {
  const storage = new MemoryStorage();
  storage.setItem("halls.seen.1", JSON.stringify({ 1: 5, 2: 7, 3: 2, 9: 4 }));
  const halls = hallsOf(storage);
  const { sent, pass } = senderOf(t, halls);

  // The first knows none, the second more, the third less; the fourth was never seen here; of the last one is no member.
  halls.replace([hall(1, 8), hall(2, 9, 8), hall(3, 4, 1), hall(4, 6)]);
  assert.deepEqual([1, 2, 3, 4].map((id) => halls.unread(id)), [3, 1, 2, 0]);
  for (let turn = 0; turn < 5; turn += 1) await pass(1000);

  assert.deepEqual(sent, [[1, 5], [3, 2], [4, 6]]);
  assert.deepEqual(stored(storage), {});
});

test("a hall without a message, of which the server knows no mark, is not read for ever", () => {
  const storage = new MemoryStorage();
  hallsOf(storage).replace([hall(1, 0)]);

  const later = hallsOf(storage);
  later.replace([hall(1, 3)]);

  assert.equal(later.unread(1), 3);
});

test("what is read in a row is sent as one", async (t) => {
  const halls = hallsOf();
  halls.replace([hall(1, 20, 0), hall(2, 5, 0)]);
  const { sent, pass } = senderOf(t, halls);

  for (let rev = 1; rev <= 20; rev += 1) halls.markRead(1, rev);
  halls.markRead(2);
  await pass(300);
  assert.deepEqual(sent, []);
  await pass(700);
  assert.deepEqual(sent, [[1, 20], [2, 5]]);
  await pass(10_000);

  assert.equal(sent.length, 2);
});

test("what is refused for the moment is sent again, what is refused for good is not", async (t) => {
  const storage = new MemoryStorage();
  const halls = hallsOf(storage);
  halls.replace([hall(1, 5, 0)]);
  const { sent, given, pass } = senderOf(t, halls, {
    answer: () => ({ ok: false, error: { code: "rate_limited", retry_after: 20 } }),
  });

  halls.markRead(1);
  await pass(1000);
  await pass(14_000);
  assert.equal(sent.length, 1);
  given.answer = () => ({ ok: false, error: { code: "not_a_member" } });
  await pass(12_000);
  assert.equal(sent.length, 2);
  await pass(60_000);

  assert.equal(sent.length, 2);
  assert.deepEqual(stored(storage), {});
});

test("without a socket it goes by REST, and nothing is sent under another name", async (t) => {
  const halls = hallsOf();
  halls.replace([hall(1, 5, 0)]);
  const { sender, sent, requested, given, pass } = senderOf(t, halls, { connected: false });

  given.mayTry = false;
  halls.markRead(1);
  await pass(5000);
  assert.deepEqual(requested, []);
  given.mayTry = true;
  sender.flush();
  await pass(1000);

  assert.deepEqual([sent, requested], [[], [[1, 5, false]]]);
  assert.equal(halls.marks.unsentOf(1), undefined);
});

test("who leaves the page sends what is not yet sent by what outlives it", async (t) => {
  const halls = hallsOf();
  halls.replace([hall(1, 5, 0), hall(2, 5, 5)]);
  const { sender, requested } = senderOf(t, halls);

  halls.markRead(1);
  sender.leave();
  await settled();

  assert.deepEqual(requested, [[1, 5, true]]);
});

test("what I say moves the mark at the server by itself, where all before it is read there", async (t) => {
  const halls = hallsOf();
  halls.replace([hall(1, 5, 5), hall(2, 5, 3)]);
  const { sent, pass } = senderOf(t, halls);

  halls.raise(1, 6);
  halls.markSaid(1, 6);
  halls.raise(2, 6);
  halls.markSaid(2, 6);
  await pass(2000);

  assert.deepEqual([halls.unread(1), halls.unread(2)], [0, 0]);
  assert.deepEqual(sent, [[2, 6]]);
});
