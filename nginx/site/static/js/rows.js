// SPDX-License-Identifier: Apache-2.0

import { dayNumber } from "./utils.js";

const groupMilliseconds = 5 * 60_000;

/**
 * What the reader sees, top to bottom: days, the mark of the first unread message, messages.
 * A message is the head of a group when another person, another day or five minutes lie before it.
 * Days only go on: a message that waits at the end since yesterday, or a clock that was set back, opens none again.
 */
export function layoutRows(messages, { unreadId = null, myId = null } = {}) {
  const rows = [];
  let day = -Infinity;
  let latest = new Date(0);
  let head = null;
  for (const message of messages) {
    const date = new Date(message.created_at);
    if (date > latest) latest = date;
    const number = dayNumber(latest);
    if (number > day) {
      rows.push({ kind: "day", key: `day:${number}`, date: latest });
      day = number;
      head = null;
    }
    if (unreadId !== null && message.id === unreadId) {
      rows.push({ kind: "unread", key: "unread" });
      head = null;
    }
    const isMine = message.sender_id === myId;
    // What was deleted is a line of its own that names its sender: it heads no group, and another's ends one.
    if (message.deleted || message.is_deleting) {
      if (head?.id !== message.sender_id) head = null;
      rows.push({ kind: "message", key: rowKey(message), message, date, isHead: false, isMine });
      continue;
    }
    const isHead = !head || head.id !== message.sender_id || Math.abs(date - head.date) >= groupMilliseconds;
    if (isHead) head = { id: message.sender_id, date };
    rows.push({ kind: "message", key: rowKey(message), message, date, isHead, isMine });
  }
  return rows;
}

// The client key outlives the confirmation, so that the row of a pending message stays the same row.
function rowKey({ id, client_key: key }) {
  return key ? `key:${key}` : `id:${id}`;
}
