// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { HallHistory, SequenceTracker } from "../../nginx/site/static/js/messages.js";

const message = (id, values = {}) => ({
  id, rev: id, hall_id: 1, sender_id: 1, username: "marta", content: `m${id}`, created_at: "2026-11-23T09:00:00.000Z", ...values,
});
const history = (ids, { rev = ids.at(-1) ?? 0, has_more = false } = {}) => {
  const result = new HallHistory();
  result.load({ messages: ids.map((id) => message(id)), rev, has_more });
  return result;
};
const idsOf = ({ messages }) => messages.map(({ id }) => id);

test("a sequence moves on without holes and stands before one", () => {
  const sequence = new SequenceTracker(5);

  assert.equal(sequence.see(6), true);
  assert.equal(sequence.see(8), false);
  assert.equal(sequence.see(9), false);
  assert.equal(sequence.rev, 6);
  assert.equal(sequence.hasHole, true);
});

test("a filled hole lets the sequence catch up with what came ahead", () => {
  const sequence = new SequenceTracker(5);
  sequence.see(7);
  sequence.see(8);

  assert.equal(sequence.see(6), true);
  assert.equal(sequence.rev, 8);
});

test("an answer that reaches past the hole closes it, an old one changes nothing", () => {
  const sequence = new SequenceTracker(5);
  sequence.see(8);

  sequence.reach(8);
  sequence.reach(3);

  assert.equal(sequence.rev, 8);
  assert.equal(sequence.hasHole, false);
  assert.equal(sequence.see(4), true);
});

test("each message is there once, by id, whatever the order it came in", () => {
  const hall = history([1, 2]);

  hall.take(message(4));
  hall.take(message(3));
  hall.take(message(3));
  hall.take(message(4));

  assert.deepEqual(idsOf(hall), [1, 2, 3, 4]);
  assert.equal(hall.rev, 4);
});

test("a hole is told, and closed by what changed since", () => {
  const hall = history([1, 2]);

  assert.equal(hall.take(message(5)), false);
  assert.equal(hall.rev, 2);
  assert.equal(hall.catchUp({ messages: [message(3), message(4), message(5)], rev: 5, complete: true }), true);

  assert.deepEqual(idsOf(hall), [1, 2, 3, 4, 5]);
  assert.equal(hall.hasHole, false);
});

test("an answer that is not whole is not taken", () => {
  const hall = history([1, 2]);

  assert.equal(hall.catchUp({ messages: [message(90)], rev: 90, complete: false }), false);
  assert.deepEqual(idsOf(hall), [1, 2]);
});

test("a changed message takes the place of its old form, never the reverse", () => {
  const hall = history([1, 2, 3]);

  hall.take(message(2, { rev: 4, content: "changed" }));
  hall.take(message(2, { rev: 2, content: "old" }));

  assert.equal(hall.get(2).content, "changed");
  assert.equal(hall.messages[1].content, "changed");
  assert.deepEqual(idsOf(hall), [1, 2, 3]);
});

test("a change of something older than what is loaded makes no gap", () => {
  const hall = history([50, 51], { has_more: true });

  hall.take(message(7, { rev: 52 }));

  assert.deepEqual(idsOf(hall), [50, 51]);
  assert.equal(hall.rev, 52);
});

test("older pages join at the top without doubles", () => {
  const hall = history([5, 6], { has_more: true });

  hall.prepend({ messages: [message(3), message(4), message(5)], has_more: false });

  assert.deepEqual(idsOf(hall), [3, 4, 5, 6]);
  assert.equal(hall.hasOlder, false);
});

test("an empty page ends the history, whatever it says", () => {
  const hall = history([5], { has_more: true });

  hall.prepend({ messages: [], has_more: true });

  assert.equal(hall.hasOlder, false);
});

test("what is trimmed can be loaded again", () => {
  const hall = history([1, 2, 3, 4]);

  hall.trim(2);
  assert.deepEqual(idsOf(hall), [3, 4]);
  assert.equal(hall.hasOlder, true);
  hall.prepend({ messages: [message(1), message(2)], has_more: false });

  assert.deepEqual(idsOf(hall), [1, 2, 3, 4]);
});

test("a client key stays with its message when a broadcast without it follows", () => {
  const hall = history([1]);

  hall.take(message(2, { client_key: "k" }));
  hall.take(message(2));

  assert.equal(hall.hasKey("k"), true);
  assert.equal(hall.get(2).client_key, "k");
});

test("an acknowledgement corrects an echo that was taken for another's", () => {
  const hall = history([1]);

  hall.take(message(2, { client_key: "k" }));
  hall.take(message(3, { client_key: "k" }));

  assert.equal(hall.get(2).client_key, undefined);
  assert.equal(hall.get(3).client_key, "k");
});

test("the first unread message is the first of somebody else after the rev", () => {
  const hall = new HallHistory();
  hall.load({ messages: [message(1), message(2), message(3, { sender_id: 2 })], rev: 3, has_more: false });

  assert.equal(hall.firstUnread(1, 1).id, 3);
  assert.equal(hall.firstUnread(3, 1), undefined);
});

test("what is loaded reaches a rev only without a gap before it", () => {
  const hall = history([50, 51], { has_more: true });

  assert.equal(hall.reaches(49), true);
  assert.equal(hall.reaches(48), false);
  hall.prepend({ messages: [message(49)], has_more: false });
  assert.equal(hall.reaches(0), true);
});

test("who fell behind keeps what lies before the hole until the newest page comes", () => {
  const hall = history([1, 2]);
  hall.take(message(300));
  hall.take(message(301, { client_key: "mine" }));

  hall.fallBehind();
  assert.deepEqual(idsOf(hall), [1, 2, 301]);
  assert.equal(hall.take(message(302)), true);
  assert.deepEqual([hall.rev, hall.isBehind, hall.isCurrent], [2, true, false]);

  hall.load({ messages: [message(299), message(300)], rev: 300, has_more: true });
  assert.deepEqual(idsOf(hall), [299, 300, 301]);
  assert.deepEqual([hall.rev, hall.isCurrent], [301, true]);
});

const changed = (id, change, values = {}) => message(id, { change, content: `m${id} v${change}`, ...values });
const withChange = (ids, change) => {
  const result = new HallHistory();
  result.load({ messages: ids.map((id) => message(id)), rev: ids.at(-1), change, has_more: false });
  return result;
};
const event = (id, change, after = change - 1, values = {}) => ({ message: changed(id, change, values), change, after });

test("a change is applied in its place, moves the count of changes and no other", () => {
  const hall = withChange([1, 2, 3], 4);

  assert.equal(hall.takeChange(event(2, 5)), true);
  assert.equal(hall.takeChange(event(1, 7, 5)), true);

  assert.deepEqual(hall.messages.map(({ content }) => content), ["m1 v7", "m2 v5", "m3"]);
  assert.deepEqual([hall.change, hall.rev, hall.hasHole], [7, 3, false]);
});

test("a change after one that is missing is shown and tells of the hole", () => {
  const hall = withChange([1, 2], 4);

  assert.equal(hall.takeChange(event(2, 6)), false);

  assert.equal(hall.get(2).content, "m2 v6");
  assert.equal(hall.change, 4);
  assert.equal(hall.catchUp({ messages: [], changed: [changed(1, 5), changed(2, 6)], rev: 2, change: 6, complete: true }, 4), true);
  assert.deepEqual(hall.messages.map(({ content }) => content), ["m1 v5", "m2 v6"]);
  assert.equal(hall.change, 6);
});

test("of two copies of a message the one that was changed last wins, in whatever order they come", () => {
  const hall = withChange([1, 2], 0);

  for (const each of [event(1, 2, 1), event(1, 1), event(1, 2, 1), event(1, 2, 1)]) hall.takeChange(each);
  hall.take(message(1));
  hall.amend(changed(1, 1));

  assert.equal(hall.get(1).content, "m1 v2");
  assert.deepEqual(idsOf(hall), [1, 2]);
});

test("a new message may be changed already", () => {
  const hall = withChange([1], 0);

  hall.takeChange(event(2, 1));
  assert.deepEqual(idsOf(hall), [1]);
  assert.equal(hall.take(changed(2, 1, { rev: 2 })), true);

  assert.deepEqual([hall.get(2).content, hall.rev, hall.change], ["m2 v1", 2, 1]);
});

test("a change of what is not loaded makes no gap, and what brings older copies is caught up with", () => {
  const hall = new HallHistory();
  hall.load({ messages: [message(50)], rev: 50, change: 3, has_more: true });

  assert.equal(hall.takeChange(event(7, 4)), true);
  assert.deepEqual([idsOf(hall), hall.change], [[50], 4]);
  // The page left the server before that change did.
  hall.prepend({ messages: [message(7)], change: 3, has_more: false });
  assert.deepEqual([hall.get(7).content, hall.change], ["m7", 3]);
  hall.catchUp({ changed: [changed(7, 4)], rev: 50, change: 4, complete: true }, 3);

  assert.deepEqual([hall.get(7).content, hall.change], ["m7 v4", 4]);
});

test("an answer to a question from further on does not stand for what came before it", () => {
  const hall = withChange([1, 2], 3);

  hall.catchUp({ changed: [], rev: 2, change: 9, complete: true }, 5);

  assert.equal(hall.change, 3);
});

test("a server that counts no changes leaves their count open, until it does", () => {
  const hall = history([1, 2]);
  hall.prepend({ messages: [], has_more: false });
  hall.catchUp({ messages: [message(3)], rev: 3, complete: true });
  assert.equal(hall.change, null);

  assert.equal(hall.takeChange(event(1, 1)), true);

  assert.deepEqual([hall.change, hall.get(1).content], [1, "m1 v1"]);
});

test("who fell behind sees the changes of what is shown, and nothing else", () => {
  const hall = withChange([1, 2], 0);
  hall.take(message(300));
  hall.fallBehind();

  hall.takeChange(event(1, 1));
  hall.catchUp({ messages: [message(301)], changed: [changed(2, 2)], rev: 301, change: 2, complete: true }, 1);

  assert.deepEqual(hall.messages.map(({ content }) => content), ["m1 v1", "m2 v2"]);
  assert.deepEqual([hall.change, hall.rev, hall.isBehind], [2, 2, true]);
});

test("a client key stays with its message when that is changed", () => {
  const hall = history([1]);
  hall.take(message(2, { client_key: "k" }));

  hall.takeChange(event(2, 1));

  assert.deepEqual([hall.get(2).client_key, hall.hasKey("k")], ["k", true]);
});

test("a deleted message is nothing that is unread", () => {
  const hall = new HallHistory();
  const messages = [message(1), message(2, { sender_id: 2, deleted: "sender", content: "", change: 1 }), message(3, { sender_id: 2 })];
  hall.load({ messages, rev: 3, change: 1, has_more: false });

  assert.equal(hall.firstUnread(1, 1).id, 3);
});
