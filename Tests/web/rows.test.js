// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutRows } from "../../nginx/site/static/js/messages.js";

const message = (id, values = {}) => ({
  id, rev: id, hall_id: 1, sender_id: 1, username: "marta", content: `m${id}`, created_at: "2026-11-23T09:00:00.000Z", ...values,
});
const at = (id, time, sender = 1) => message(id, { created_at: time, sender_id: sender });
const kinds = (rows) => rows.map((row) => (row.kind === "message" ? (row.isHead ? "head" : "next") : row.kind));

test("messages of one person within five minutes form a group", () => {
  const rows = layoutRows([
    at(1, "2026-11-23T09:00:00.000Z"), at(2, "2026-11-23T09:04:59.999Z"), at(3, "2026-11-23T09:05:00.000Z"),
    at(4, "2026-11-23T09:05:01.000Z", 2), at(5, "2026-11-23T09:05:02.000Z"),
  ]);

  assert.deepEqual(kinds(rows), ["day", "head", "next", "head", "head", "head"]);
});

test("a day begins at the reader's midnight, also in the night the clock changes", () => {
  const before = process.env.TZ;
  process.env.TZ = "Europe/Madrid";

  // 2026-10-25, 03:00 becomes 02:00: 22:30 Z is 00:30 of the 25th, 23:30 Z on the 25th is 00:30 of the 26th.
  const rows = layoutRows([
    at(1, "2026-10-24T21:59:00.000Z"), at(2, "2026-10-24T22:01:00.000Z"),
    at(3, "2026-10-25T22:59:00.000Z"), at(4, "2026-10-25T23:01:00.000Z"),
  ]);

  process.env.TZ = before ?? "UTC";
  assert.deepEqual(kinds(rows), ["day", "head", "day", "head", "head", "day", "head"]);
});

test("the mark of what is new stands before its message and opens a group", () => {
  const rows = layoutRows([at(1, "2026-11-23T09:00:00.000Z", 2), at(2, "2026-11-23T09:01:00.000Z", 2)], { unreadId: 2, myId: 1 });

  assert.deepEqual(kinds(rows), ["day", "head", "unread", "head"]);
});

test("the row of a message keeps its key from pending to confirmed", () => {
  const [, pending] = layoutRows([message(undefined, { client_key: "k", state: "pending" })]);
  const [, confirmed] = layoutRows([message(7, { client_key: "k" })]);

  assert.equal(pending.key, confirmed.key);
});

test("every row has a key of its own", () => {
  const rows = layoutRows(Array.from({ length: 50 }, (_, i) => at(i + 1, new Date(Date.UTC(2026, 1, 1, i)).toISOString())));

  assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length);
});

test("a message that waits since another day opens no day again", () => {
  const waits = (key, time) => ({ ...at(undefined, time), client_key: key, state: "failed" });
  const rows = layoutRows([
    at(1, "2026-11-22T09:00:00.000Z"), at(2, "2026-11-23T09:00:00.000Z"),
    waits("old", "2026-11-22T10:00:00.000Z"), waits("new", "2026-11-24T09:00:00.000Z"),
  ]);

  assert.deepEqual(kinds(rows), ["day", "head", "day", "head", "head", "day", "head"]);
  assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length);
  assert.equal(rows.find(({ key }) => key === "key:old").date.toISOString(), "2026-11-22T10:00:00.000Z");
});

test("no clock makes two rows of one key", () => {
  const rows = layoutRows([
    at(1, "2026-11-23T09:00:00.000Z"), at(2, "2026-11-22T09:00:00.000Z"), at(3, "2026-11-23T09:01:00.000Z"),
  ]);

  assert.deepEqual(kinds(rows), ["day", "head", "head", "head"]);
});

test("what was deleted heads no group, and another's ends the one it stands in", () => {
  const time = "2026-11-23T09:00:00.000Z";
  const deleted = (id, sender) => ({ ...at(id, time, sender), content: "", deleted: "sender" });
  const rows = (...messages) => kinds(layoutRows(messages)).slice(1);

  assert.deepEqual(rows(deleted(1, 1), at(2, time), at(3, time)), ["next", "head", "next"]);
  assert.deepEqual(rows(at(1, time), deleted(2, 1), at(3, time)), ["head", "next", "next"]);
  assert.deepEqual(rows(at(1, time), deleted(2, 2), at(3, time)), ["head", "next", "head"]);
  assert.deepEqual(rows({ ...at(1, time), is_deleting: true }, at(2, time)), ["next", "head"]);
});
