// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Histories } from "../../nginx/site/static/js/messages.js";
import { NewMark, UnreadLead } from "../../nginx/site/static/js/unread.js";
import { settled } from "./support.js";

const message = (id, values = {}) => ({
  id, rev: id, hall_id: 1, sender_id: 2, username: "ben", content: `m${id}`, created_at: "2026-11-23T09:00:00.000Z", ...values,
});
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => message(from + index));

/** A hall with so many messages, of which the newest page of ten is loaded; where the list was led, and the pages asked for. */
function leadOf({ rev, isLoaded = true, fails = false }) {
  const histories = new Histories();
  const history = histories.of(1);
  const loadNewest = () => history.load({ messages: range(Math.max(1, rev - 9), rev), rev, has_more: rev > 10 });
  if (isLoaded) loadNewest();
  const calls = { asked: 0, led: 0, done: 0, order: [] };
  const session = {
    histories,
    halls: { get: () => ({ rev }) },
    loadOlder: async () => {
      calls.asked += 1;
      if (fails) throw new Error("offline");
      const to = history.messages[0].rev - 1;
      history.prepend({ messages: range(Math.max(1, to - 9), to), has_more: to > 10 });
    },
  };
  const list = { isAtEnd: true, noticeEnd: () => {}, goToNew: () => (calls.led += 1) };
  const lead = new UnreadLead({ conversation: { list }, session, done: () => (calls.done += 1) });
  return { lead, calls, list, history, loadNewest };
}

test("what is new in the newest page is led to at once", async () => {
  const { lead, calls } = leadOf({ rev: 30 });

  lead.begin(1, 25);
  assert.equal(lead.isUnderWay, true);
  await settled();

  assert.deepEqual([calls.asked, calls.led, calls.done, lead.isUnderWay], [0, 1, 1, false]);
});

test("who has nothing unread is led nowhere", async () => {
  const { lead, calls } = leadOf({ rev: 30 });

  lead.begin(1, null);
  await settled();

  assert.deepEqual([lead.isUnderWay, calls.led, calls.done], [false, 0, 0]);
});

test("older pages are asked for until the first new message is there, and no more", async () => {
  const { lead, calls, history } = leadOf({ rev: 100 });

  lead.begin(1, 65);
  await settled();

  assert.deepEqual([calls.asked, history.messages[0].rev, calls.led], [3, 61, 1]);
});

test("what is too far away is not walked to, not even in part", async () => {
  const { lead, calls } = leadOf({ rev: 500 });

  lead.begin(1, 100);
  await settled();

  assert.deepEqual([calls.asked, calls.done], [0, 1]);
});

test("the farthest that is walked to is ten pages", async () => {
  for (const [after, pages] of [[391, 10], [390, 10], [389, 0]]) {
    const { lead, calls } = leadOf({ rev: 500 });
    lead.begin(1, after);
    await settled();
    assert.equal(calls.asked, pages, `after ${after}`);
  }
});

test("a page that does not come ends the way", async () => {
  const { lead, calls } = leadOf({ rev: 100, fails: true });

  lead.begin(1, 65);
  await settled();

  assert.deepEqual([calls.asked, calls.done, lead.isUnderWay], [1, 1, false]);
});

test("a hall that is still to be loaded is waited for", async () => {
  const { lead, calls, loadNewest } = leadOf({ rev: 30, isLoaded: false });

  lead.begin(1, 25);
  await settled();
  assert.deepEqual([calls.led, lead.isUnderWay], [0, true]);
  loadNewest();
  lead.follow();
  await settled();

  assert.deepEqual([calls.led, lead.isUnderWay], [1, false]);
});

test("who scrolls meanwhile, or goes elsewhere, is left where they are", async () => {
  const scrolled = leadOf({ rev: 100 });
  scrolled.lead.begin(1, 65);
  scrolled.list.isAtEnd = false;
  await settled();
  const gone = leadOf({ rev: 100 });
  gone.lead.begin(1, 65);
  gone.lead.cancel();
  await settled();

  assert.deepEqual([scrolled.calls.led, scrolled.calls.done], [0, 1]);
  assert.deepEqual([gone.calls.led, gone.calls.done, gone.calls.asked], [0, 0, 1]);
});

test("the mark stands before the first message of another person, and stays until it is settled", () => {
  const histories = new Histories();
  const history = histories.of(1);
  history.load({ messages: [message(1), message(2, { sender_id: 1 }), message(3)], rev: 3, has_more: false });
  const mark = new NewMark();

  mark.set(1);
  mark.find(history, 1);
  assert.equal(mark.id, 3);
  mark.settle(history);
  mark.find(history, 1);
  assert.equal(mark.id, 3);
  mark.set(3);
  mark.find(history, 1);
  mark.settle(history);
  history.take(message(4));
  mark.find(history, 1);

  assert.equal(mark.id, null);
});
