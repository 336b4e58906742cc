// SPDX-License-Identifier: Apache-2.0

// The messages of a hall, as far as they are loaded.

import { dayNumber } from "./utils.js";

const earlyMessagesKept = 50;

/** How far we have seen everything of a hall: `rev`, and what came ahead of a hole. */
export class SequenceTracker {
  #rev;
  #ahead = new Set();

  constructor(rev) {
    this.#rev = rev;
  }

  get rev() {
    return this.#rev;
  }

  get hasHole() {
    return this.#ahead.size > 0;
  }

  /** Takes one change; false when something before it is missing. */
  see(rev) {
    if (rev > this.#rev) this.#ahead.add(rev);
    this.#close();
    return !this.hasHole;
  }

  /** Everything up to here has come. */
  reach(rev) {
    this.#rev = Math.max(this.#rev, rev);
    this.#close();
  }

  #close() {
    while (this.#ahead.delete(this.#rev + 1)) this.#rev += 1;
    for (const rev of this.#ahead) if (rev <= this.#rev) this.#ahead.delete(rev);
  }
}

/** The end of one hall's history as far as it is loaded: without gaps, by id, each message once. */
export class HallHistory {
  #messages = [];
  #byId = new Map();
  #idByKey = new Map();
  #sequence = null;
  /** Up to which of the hall's changes what is here is as it should be; null where the server counts none. */
  #change = null;
  hasOlder = true;
  /** More was missed than one answer holds: what is here stands until the newest page takes its place. */
  #isBehind = false;

  get isLoaded() {
    return this.#sequence !== null;
  }

  get isBehind() {
    return this.#isBehind;
  }

  /** Whether what comes joins what is here. */
  get isCurrent() {
    return this.isLoaded && !this.#isBehind;
  }

  get rev() {
    return this.#sequence?.rev;
  }

  get change() {
    return this.#change;
  }

  get hasHole() {
    return Boolean(this.#sequence?.hasHole);
  }

  get messages() {
    return this.#messages;
  }

  get(id) {
    return this.#byId.get(id);
  }

  hasKey(clientKey) {
    return this.#idByKey.has(clientKey);
  }

  /** Starts afresh with the newest page. */
  load({ messages, rev, change = null, has_more: hasMore }) {
    const early = this.isCurrent ? [] : this.#messages.filter((message) => !(message.rev <= this.rev));
    this.#isBehind = false;
    this.#messages = [];
    this.#byId.clear();
    this.#idByKey.clear();
    this.#sequence = new SequenceTracker(rev);
    this.#change = change;
    this.hasOlder = hasMore;
    for (const message of messages) this.#put(message);
    for (const message of early) this.take(message);
  }

  prepend({ messages, change, has_more: hasMore }) {
    this.#holdChange(change);
    const older = messages.filter(({ id }) => !this.#byId.has(id));
    for (const message of older) this.#index(message);
    this.#messages = [...older, ...this.#messages].sort((left, right) => left.id - right.id);
    this.hasOlder = hasMore && older.length > 0;
  }

  /** Takes what the server pushed or acknowledged; false when there is a hole before it. */
  take(message) {
    if (!this.isCurrent) return this.#keepEarly(message);
    this.#put(message);
    return this.#sequence.see(message.rev);
  }

  // What I sent left the outbox when it was confirmed: it is shown also while the page it belongs to is still to come.
  #keepEarly(message) {
    if (!message.client_key) return true;
    this.#put(message);
    if (!this.isLoaded) this.trim(earlyMessagesKept);
    return true;
  }

  /** Somebody reads here, and what follows is too much to be filled in: it is left out until it is asked for. */
  fallBehind() {
    this.#isBehind = true;
    // What came after the hole would seem to follow what lies before it.
    const isShown = ({ rev, client_key: key }) => rev <= this.rev || key;
    for (const message of this.#messages) if (!isShown(message)) this.#byId.delete(message.id);
    this.#messages = this.#messages.filter(isShown);
    this.#sequence = new SequenceTracker(this.rev);
  }

  /**
   * Takes what came since our rev, and what changed since the change that was asked from, `after`; false when the answer
   * is not whole and the hall is to be loaded afresh.
   */
  catchUp({ messages = [], changed = [], rev, change, complete }, after = null) {
    if (!complete) return false;
    if (!this.#isBehind) {
      this.#holdChange(change);
      for (const message of messages) this.#put(message);
      this.#sequence.reach(rev);
    }
    for (const message of changed) this.amend(message);
    if (after !== null) this.#reachChange(change ?? after, after);
    return true;
  }

  /** A message became another. False when changes before that are missing. */
  takeChange({ message, change, after }) {
    this.amend(message);
    return !this.isLoaded || this.#reachChange(change, after);
  }

  /** The present state of a message, where it is loaded; one that is not comes with its page. */
  amend(message) {
    if (this.#byId.has(message.id)) this.#put(message);
  }

  #reachChange(change, after) {
    const known = this.#change ?? 0;
    if (after > known) return false;
    this.#change = Math.max(known, change);
    return true;
  }

  // An answer that left before the last changes brings messages as they were before them: those are asked for once more.
  #holdChange(change) {
    if (this.#change !== null && change < this.#change) this.#change = change;
  }

  /** The first message of somebody else after a rev: what I have not read. */
  firstUnread(rev, myId) {
    return this.#messages.find((message) => message.rev > rev && message.sender_id !== myId && !message.deleted);
  }

  /** Whether everything after a rev is loaded. */
  reaches(rev) {
    return !this.hasOlder || this.#messages[0]?.rev <= rev + 1;
  }

  /** Forgets the oldest: a long life of the page must not fill its memory. */
  trim(count) {
    if (this.#messages.length <= count) return;
    for (const { id, client_key: key } of this.#messages.splice(0, this.#messages.length - count)) {
      this.#byId.delete(id);
      if (key) this.#idByKey.delete(key);
    }
    this.hasOlder = true;
  }

  #put(message) {
    const known = this.#byId.get(message.id);
    if (known) {
      const key = message.client_key ?? known.client_key;
      const isNewer = isAsNew(message, known);
      if (isNewer) this.#messages[this.indexOf(message.id)] = message;
      if (key) message.client_key = known.client_key = key;
      this.#index(isNewer ? message : known);
      return;
    }
    // Something old that changed, before what is loaded: it comes, changed, with its page.
    if (this.hasOlder && this.#messages.length > 0 && message.id < this.#messages[0].id) return;
    this.#messages.splice(this.indexOf(message.id), 0, message);
    this.#index(message);
  }

  #index(message) {
    this.#byId.set(message.id, message);
    if (!message.client_key) return;
    const other = this.#byId.get(this.#idByKey.get(message.client_key));
    if (other && other.id !== message.id) delete other.client_key;
    this.#idByKey.set(message.client_key, message.id);
  }

  /** The place of a message in `messages`, or the one it would have. */
  indexOf(id) {
    let low = 0;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#messages[middle].id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether a copy of a message is at least as new as another: who was changed last is. */
function isAsNew({ change = 0, rev }, { change: otherChange = 0, rev: otherRev }) {
  return change === otherChange ? rev >= otherRev : change > otherChange;
}

/** The loaded histories by hall. */
export class Histories {
  #byHall = new Map();

  of(hallId) {
    if (!this.#byHall.has(hallId)) this.#byHall.set(hallId, new HallHistory());
    return this.#byHall.get(hallId);
  }

  loaded() {
    return [...this.#byHall].filter(([, history]) => history.isLoaded);
  }

  forget(hallId) {
    this.#byHall.delete(hallId);
  }

  clear() {
    this.#byHall.clear();
  }
}

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
