// SPDX-License-Identifier: Apache-2.0

import { ReadMarks } from "./read-marks.js";
import { Emitter } from "./utils.js";

const settleMilliseconds = 50;
const retryMilliseconds = 5000;

/** Whether one keeps order in a hall: more than its members may. */
export const keepsOrder = ({ role }) => role === "owner" || role === "moderator";

/**
 * My halls, and what is known of each: how much is in it, how much of that is unread.
 * Emits changed(), and marked() when the server does not know yet how far I have read.
 */
export class Halls extends Emitter {
  #halls = new Map();
  /** How far I have read. */
  marks;
  /** The revs of deleted messages that I have not read, by hall: they are no news. */
  #deleted = new Map();
  isLoaded = false;

  constructor({ storage, userId }) {
    super();
    this.marks = new ReadMarks({ storage, userId });
  }

  get(id) {
    return this.#halls.get(id);
  }

  all() {
    return [...this.#halls.values()];
  }

  /** The server's list. A rev that came faster by the socket is kept. */
  replace(halls) {
    this.marks.absorbStored();
    const before = this.#halls;
    this.#halls = new Map();
    for (const hall of halls) {
      const known = before.get(hall.id);
      const rev = Math.max(hall.rev, known?.rev ?? 0);
      this.#halls.set(hall.id, { ...hall, rev, change: Math.max(hall.change ?? 0, known?.change ?? 0) });
      this.marks.acquaint({ ...hall, rev }, { isFirstList: !this.isLoaded });
    }
    for (const id of this.marks.unsentHalls()) if (!this.#halls.has(id)) this.marks.forget(id);
    this.isLoaded = true;
    this.#marked();
  }

  add(hall) {
    this.marks.absorbStored();
    this.#halls.set(hall.id, { ...hall, change: hall.change ?? 0 });
    this.marks.acquaint(hall, { isFirstList: !this.isLoaded });
    this.#marked();
  }

  remove(id) {
    this.#deleted.delete(id);
    if (this.#halls.delete(id)) this.emit("changed");
  }

  raise(id, rev) {
    const hall = this.#halls.get(id);
    if (!hall || rev <= hall.rev) return;
    hall.rev = rev;
    this.emit("changed");
  }

  /** The hall's messages were changed up to here; that is no news to count. */
  raiseChange(id, change = 0) {
    const hall = this.#halls.get(id);
    if (hall) hall.change = Math.max(hall.change ?? 0, change);
  }

  /** A message was deleted: who has not read it has one less to read. */
  noteDeleted(id, rev) {
    if (rev <= this.readRev(id) || !this.#halls.has(id)) return;
    if (!this.#deleted.has(id)) this.#deleted.set(id, new Set());
    this.#deleted.get(id).add(rev);
    this.emit("changed");
  }

  readRev(id) {
    return this.marks.of(id);
  }

  markRead(id, rev = this.#halls.get(id)?.rev ?? 0) {
    this.marks.absorbStored();
    if (rev <= this.readRev(id)) return;
    this.marks.set(id, rev);
    this.#marked();
  }

  /** I have said something, and had read all before it. */
  markSaid(id, rev) {
    this.marks.absorbStored();
    if (rev <= this.readRev(id)) return;
    this.marks.said(id, rev);
    this.#marked();
  }

  /** The server says how far I have read, here or elsewhere. */
  confirmRead(id, rev) {
    const before = this.readRev(id);
    this.marks.absorbStored();
    this.marks.confirm(id, rev);
    this.marks.keep();
    if (this.readRev(id) !== before) this.emit("changed");
  }

  /** The server takes no mark of a hall. */
  dropUnsent(id) {
    this.marks.absorbStored();
    this.marks.forget(id);
    this.marks.keep();
  }

  unread(id) {
    const read = this.readRev(id);
    const deleted = this.#deleted.get(id) ?? new Set();
    for (const rev of deleted) if (rev <= read) deleted.delete(rev);
    return Math.max(0, (this.#halls.get(id)?.rev ?? 0) - read - deleted.size);
  }

  unreadTotal() {
    return this.all().reduce((sum, { id }) => sum + this.unread(id), 0);
  }

  /** Another window wrote to the storage, perhaps what was read there. */
  storageChanged(storageKey) {
    if (storageKey !== this.marks.storageKey) return;
    this.marks.absorbStored();
    this.emit("changed");
  }

  #marked() {
    this.marks.keep();
    this.emit("changed");
    if (this.marks.unsentHalls().length > 0) this.emit("marked");
  }
}

/** Asks for my list of halls when it may be another, and again until it is there. */
export class HallRefresh {
  #rest;
  #take;
  #failed;
  #running = null;
  #isStale = false;
  #retryTimer = null;
  #isStopped = false;

  /** `take(halls)` gets the list, `failed(error)` why it did not come. */
  constructor({ rest, take, failed }) {
    this.#rest = rest;
    this.#take = take;
    this.#failed = failed;
  }

  /** Several changes in a row ask once more after the request under way, not once each. */
  run() {
    if (this.#running) {
      this.#isStale = true;
      return this.#running;
    }
    this.#running = this.#fetch().finally(() => {
      this.#running = null;
      if (this.#isStale) this.run();
    });
    return this.#running;
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#retryTimer);
  }

  async #fetch() {
    // What changes together is announced together.
    await new Promise((resolve) => setTimeout(resolve, settleMilliseconds));
    clearTimeout(this.#retryTimer);
    this.#isStale = false;
    try {
      this.#take(await this.#rest.halls());
    } catch (error) {
      this.#failed(error);
      if (!this.#isStopped) this.#retryTimer = setTimeout(() => this.run(), retryMilliseconds);
    }
  }
}
