// SPDX-License-Identifier: Apache-2.0

import { Emitter } from "./utils.js";

/**
 * My halls and how far I have read each. What is read is kept per user on this device and only grows;
 * other windows of the same browser share it. Emits changed().
 */
export class HallDirectory extends Emitter {
  #halls = new Map();
  #seen = new Map();
  /** The positions of deleted messages that I have not seen, by hall: they are no news. */
  #deleted = new Map();
  #storage;
  #key;
  isLoaded = false;

  constructor({ storage, userId }) {
    super();
    this.#storage = storage;
    this.#key = `halls.seen.${userId}`;
    this.#absorbStored();
  }

  get storageKey() {
    return this.#key;
  }

  get(id) {
    return this.#halls.get(id);
  }

  all() {
    return [...this.#halls.values()];
  }

  /** The server's list. A position that came faster by the socket is kept. */
  replace(halls) {
    this.#absorbStored();
    const before = this.#halls;
    this.#halls = new Map();
    for (const hall of halls) {
      const known = before.get(hall.id);
      const rev = Math.max(hall.rev, known?.rev ?? 0);
      this.#halls.set(hall.id, { ...hall, rev, change: Math.max(hall.change ?? 0, known?.change ?? 0) });
      this.#acquaint(hall.id, rev);
    }
    this.isLoaded = true;
    this.#keep();
    this.emit("changed");
  }

  add(hall) {
    this.#absorbStored();
    this.#halls.set(hall.id, { ...hall, change: hall.change ?? 0 });
    this.#acquaint(hall.id, hall.rev);
    this.#keep();
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

  /** A message was deleted: who has not seen it has one less to read. */
  noteDeleted(id, rev) {
    if (rev <= this.seenRev(id) || !this.#halls.has(id)) return;
    if (!this.#deleted.has(id)) this.#deleted.set(id, new Set());
    this.#deleted.get(id).add(rev);
    this.emit("changed");
  }

  seenRev(id) {
    return this.#seen.get(id) ?? 0;
  }

  markSeen(id, rev = this.#halls.get(id)?.rev ?? 0) {
    this.#absorbStored();
    if (rev <= this.seenRev(id)) return;
    this.#seen.set(id, rev);
    this.#keep();
    this.emit("changed");
  }

  unread(id) {
    const seen = this.seenRev(id);
    const deleted = this.#deleted.get(id) ?? new Set();
    for (const rev of deleted) if (rev <= seen) deleted.delete(rev);
    return Math.max(0, (this.#halls.get(id)?.rev ?? 0) - seen - deleted.size);
  }

  unreadTotal() {
    return this.all().reduce((sum, { id }) => sum + this.unread(id), 0);
  }

  /** Another window read something. */
  refreshSeen() {
    this.#absorbStored();
    this.emit("changed");
  }

  // On a device that never saw the hall, its whole past is not news. A position that lies behind what we saw is another
  // history: the site's data was made anew. Later in the page's life it is only a list that was slow.
  #acquaint(id, rev) {
    if (!this.#seen.has(id) || (!this.isLoaded && this.#seen.get(id) > rev)) this.#seen.set(id, rev);
  }

  // Before each write: another window may have read further in another hall.
  #absorbStored() {
    for (const [id, rev] of Object.entries(this.#storage.get(this.#key) ?? {})) {
      this.#seen.set(Number(id), Math.max(rev, this.seenRev(Number(id))));
    }
  }

  #keep() {
    this.#storage.set(this.#key, Object.fromEntries(this.#seen));
  }
}
