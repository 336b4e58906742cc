// SPDX-License-Identifier: Apache-2.0

import { Emitter } from "./utils.js";

const settleMilliseconds = 50;
const retryMilliseconds = 5000;

/** Whether one keeps order in a hall: more than its members may. */
export const keepsOrder = ({ role }) => role === "owner" || role === "moderator";

/** My halls, and what is known of each: how much is in it, how much of that is unread. Emits changed(). */
export class Halls extends Emitter {
  #halls = new Map();
  #read;
  /** The revs of deleted messages that I have not read, by hall: they are no news. */
  #deleted = new Map();
  isLoaded = false;

  constructor({ storage, userId }) {
    super();
    this.#read = new ReadPositions({ storage, userId });
  }

  get(id) {
    return this.#halls.get(id);
  }

  all() {
    return [...this.#halls.values()];
  }

  /** The server's list. A rev that came faster by the socket is kept. */
  replace(halls) {
    this.#read.absorbStored();
    const before = this.#halls;
    this.#halls = new Map();
    for (const hall of halls) {
      const known = before.get(hall.id);
      const rev = Math.max(hall.rev, known?.rev ?? 0);
      this.#halls.set(hall.id, { ...hall, rev, change: Math.max(hall.change ?? 0, known?.change ?? 0) });
      this.#read.acquaint(hall.id, rev, { isFirstList: !this.isLoaded });
    }
    this.isLoaded = true;
    this.#read.keep();
    this.emit("changed");
  }

  add(hall) {
    this.#read.absorbStored();
    this.#halls.set(hall.id, { ...hall, change: hall.change ?? 0 });
    this.#read.acquaint(hall.id, hall.rev, { isFirstList: !this.isLoaded });
    this.#read.keep();
    this.emit("changed");
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
    return this.#read.of(id);
  }

  markRead(id, rev = this.#halls.get(id)?.rev ?? 0) {
    this.#read.absorbStored();
    if (rev <= this.readRev(id)) return;
    this.#read.set(id, rev);
    this.#read.keep();
    this.emit("changed");
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
    if (storageKey !== this.#read.storageKey) return;
    this.#read.absorbStored();
    this.emit("changed");
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

/**
 * How far I have read each hall, as a `rev`. Kept per user on this device, shared by the windows of its browser; it only
 * grows.
 */
class ReadPositions {
  #storage;
  #key;
  #revs = new Map();

  constructor({ storage, userId }) {
    this.#storage = storage;
    this.#key = `halls.seen.${userId}`;
    this.absorbStored();
  }

  get storageKey() {
    return this.#key;
  }

  of(hallId) {
    return this.#revs.get(hallId) ?? 0;
  }

  /**
   * A hall is listed, with so much in it. On a device that never saw the hall, its whole past is not news. A hall that ends
   * before what was read, in the first list of all, is another history: the site's data was made anew. Later in the page's
   * life it is only a list that was slow.
   */
  acquaint(hallId, rev, { isFirstList }) {
    if (!this.#revs.has(hallId) || (isFirstList && this.#revs.get(hallId) > rev)) this.#revs.set(hallId, rev);
  }

  set(hallId, rev) {
    this.#revs.set(hallId, rev);
  }

  /** What other windows have read. Before each write: they may have read further in another hall. */
  absorbStored() {
    for (const [id, rev] of Object.entries(this.#storage.get(this.#key) ?? {})) {
      this.#revs.set(Number(id), Math.max(rev, this.of(Number(id))));
    }
  }

  keep() {
    this.#storage.set(this.#key, Object.fromEntries(this.#revs));
  }
}
