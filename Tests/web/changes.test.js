// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Changes } from "../../nginx/site/static/js/changes.js";
import { SafeStorage } from "../../nginx/site/static/js/utils.js";
import { MemoryStorage, settled } from "./support.js";

const message = (id, values = {}) => ({ id, rev: id, hall_id: 1, sender_id: 1, content: `m${id}`, ...values });

/** Changes over a REST that answers with functions; what asks for a flush gets it. `sent` is what went out. */
function changesOf({ storage = new MemoryStorage(), answers = {}, isThere = true } = {}) {
  const made = { storage, sent: [], isThere, now: 1_000_000, confirmed: [], refused: [] };
  const rest = {
    editMessage: async (hallId, id, content) => {
      made.sent.push(["edit", id, content]);
      return (await answers.edit?.(id, content)) ?? message(id, { content, change: 1 });
    },
    deleteMessage: async (hallId, id, options) => {
      made.sent.push(["delete", id, ...(options?.keepalive ? ["keepalive"] : [])]);
      return (await answers.delete?.(id)) ?? message(id, { content: "", deleted: "sender", change: 1 });
    },
  };
  const changes = new Changes({
    storage: new SafeStorage(storage), userId: 1, socket: { connected: false }, rest,
    mayTry: () => made.isThere, isAway: () => !made.isThere, now: () => made.now,
  });
  changes.on("due", () => changes.flush());
  changes.on("confirmed", ({ id }) => made.confirmed.push(id));
  changes.on("refused", ({ message_id: id, kind }, code) => made.refused.push([kind, id, code]));
  made.changes = changes;
  return made;
}

const refusal = (code) => async () => {
  throw Object.assign(new Error(code), { code });
};
const stored = (storage) => Object.keys(storage).filter((key) => key.startsWith("halls.change."));

test("an edit waits for a connection, survives a reload and is sent once", async () => {
  const first = changesOf({ isThere: false });
  first.changes.edit(message(7), "new");
  await settled();
  assert.deepEqual(first.sent, []);
  assert.deepEqual(first.changes.apply(message(7)).edit, { content: "new", state: "pending", is_waiting: true });

  const second = changesOf({ storage: first.storage });
  assert.equal(second.changes.apply(message(7)).content, "new");
  second.changes.flush({ isNow: true });
  await settled();

  assert.deepEqual(second.sent, [["edit", 7, "new"]]);
  assert.deepEqual(stored(first.storage), []);
  assert.equal(second.changes.apply(message(7)).edit, undefined);
});

test("of two edits of one message the last is sent, also when the first is under way", async () => {
  let answer;
  const made = changesOf({ answers: { edit: (id, content) => (content === "one" ? new Promise((resolve) => (answer = resolve)) : null) } });

  made.changes.edit(message(7), "one");
  made.changes.edit(message(7), "two");
  await settled();
  answer(message(7, { content: "one", change: 1 }));
  await settled();

  assert.deepEqual(made.sent, [["edit", 7, "one"], ["edit", 7, "two"]]);
  assert.deepEqual(stored(made.storage), []);
});

test("a refused deletion brings the message back", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const made = changesOf({ answers: { delete: refusal("not_allowed") } });

  made.changes.delete(message(7, { sender_id: 2 }));
  assert.equal(made.changes.apply(message(7)).is_deleting, true);
  made.now += 5000;
  t.mock.timers.tick(5000);
  await settled();

  assert.deepEqual(made.refused, [["delete", 7, "not_allowed"]]);
  assert.equal(made.changes.apply(message(7)).is_deleting, undefined);
  assert.deepEqual(stored(made.storage), []);
});

test("who leaves the page sends what could still be undone, by what outlives it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const made = changesOf();
  made.changes.delete(message(7));
  made.changes.edit(message(8), "new");
  await settled();

  made.changes.leave();
  assert.equal(made.changes.apply(message(7)).can_undo, false);
  await settled();
  t.mock.timers.tick(10_000);
  await settled();

  assert.deepEqual(made.sent, [["edit", 8, "new"], ["delete", 7, "keepalive"]]);
  assert.deepEqual(made.confirmed, [8, 7]);
});

test("a deletion whose page was left without an answer is sent by the next one", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const first = changesOf({ isThere: false });
  first.changes.delete(message(7));
  first.changes.leave();

  const second = changesOf({ storage: first.storage });
  second.changes.flush();
  await settled();

  assert.deepEqual([first.sent, second.sent], [[], [["delete", 7]]]);
});

test("an undone deletion leaves the edit that waited before it, in no storage meanwhile", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const made = changesOf({ isThere: false });
  made.changes.edit(message(7), "a secret");

  made.changes.delete(message(7));
  assert.ok(!JSON.stringify({ ...made.storage }).includes("secret"));
  made.changes.undo(message(7));

  assert.equal(made.changes.apply(message(7)).content, "a secret");
});

test("what another window undid or sent is not sent again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const one = changesOf();
  one.changes.delete(message(7));
  const other = changesOf({ storage: one.storage });
  assert.equal(other.changes.apply(message(7)).is_deleting, true);

  one.changes.undo(message(7));
  other.changes.storageChanged("halls.change.1.7", null);
  other.now += 6000;
  t.mock.timers.tick(6000);
  await settled();

  assert.deepEqual([one.sent, other.sent], [[], []]);
  assert.equal(other.changes.apply(message(7)).is_deleting, undefined);
});

test("a clock that was set back makes no deletion wait for longer", async () => {
  const made = changesOf();
  made.changes.delete(message(7));
  made.now -= 3_600_000;

  made.changes.flush();
  await settled();

  assert.deepEqual(made.sent, [["delete", 7]]);
});

test("what the storage holds in another shape is not taken", () => {
  const storage = new MemoryStorage();
  for (const [key, value] of Object.entries({ 1: "7", 2: "null", 3: "{", 4: '{"message_id":4}', 5: '{"message_id":5,"hall_id":1,"kind":"x"}' })) {
    storage.setItem(`halls.change.1.${key}`, value);
  }

  assert.equal(changesOf({ storage }).changes.isPending, false);
});

test("a message that was deleted meanwhile is a deleted message, whatever I did to it", async () => {
  const made = changesOf({ answers: { edit: refusal("message_gone") } });
  made.changes.edit(message(7), "new");
  const gone = message(7, { content: "", deleted: "moderator" });

  assert.equal(made.changes.apply(gone), gone);
  await settled();

  assert.deepEqual(made.refused, [["edit", 7, "message_gone"]]);
});
