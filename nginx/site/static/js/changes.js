// SPDX-License-Identifier: Apache-2.0

import { ChangeQueue } from "./change-queue.js";
import { Sender } from "./sender.js";
import { Emitter } from "./utils.js";

/**
 * What I change in messages that are there: shown at once, sent when it can be. Emits changed(hallId), due(),
 * confirmed(message), refused(entry, code), waiting(hallId, seconds), unauthenticated().
 */
export class Changes extends Emitter {
  #queue;
  #sender;
  #rest;
  #mayTry;
  #isAway;
  #timer = null;

  /** `isAway()` says whether there is certainly no connection. */
  constructor({ storage, userId, socket, rest, mayTry, watch, isAway, now }) {
    super();
    this.#queue = new ChangeQueue({ storage, userId, now });
    this.#rest = rest;
    this.#mayTry = mayTry;
    this.#isAway = isAway;
    this.#sender = new Sender({ outbox: this.#queue, socket, rest, mayTry, watch });
    this.#sender.on("confirmed", (message) => this.emit("confirmed", message));
    this.#sender.on("failed", (hallId, code, entry) => this.#refused(entry, code));
    this.#sender.on("waiting", (hallId, seconds) => this.emit("waiting", hallId, seconds));
    this.#sender.on("unauthenticated", () => this.emit("unauthenticated"));
    this.#watchClock();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#sender.stop();
  }

  edit({ hall_id: hallId, id }, content) {
    this.#queue.edit({ hallId, messageId: id, content });
    this.#queued(hallId);
  }

  delete({ hall_id: hallId, id }) {
    this.#queue.delete({ hallId, messageId: id });
    this.#queued(hallId);
  }

  undo({ hall_id: hallId, id }) {
    this.#queue.undo(id);
    this.#queued(hallId);
  }

  /** An edit that was refused is given up. */
  discard({ hall_id: hallId, id }) {
    this.#queue.remove(id);
    this.emit("changed", hallId);
  }

  /** Whether a message waits for what I did to it. */
  has(messageId) {
    return this.#queue.get(messageId) !== undefined;
  }

  /** Something is to be sent now. */
  get isPending() {
    return this.#queue.pendingHalls().length > 0;
  }

  flush({ isNow = false } = {}) {
    if (isNow) this.#sender.flushNow();
    else this.#sender.flush();
  }

  /** A message as I am to see it, with what I did to it. */
  apply(message) {
    const entry = this.#queue.get(message.id);
    if (!entry || (message.deleted && entry.state !== "failed")) return message;
    if (entry.kind === "delete") {
      return {
        ...message, content: "", is_deleting: true, can_undo: this.#queue.canUndo(entry), is_waiting: this.#isAway(),
      };
    }
    const { content, state, code } = entry;
    if (state === "failed") return { ...message, edit: { content, state, code } };
    return { ...message, content, edit: { content, state, is_waiting: this.#isAway() } };
  }

  /** The page is left, perhaps for ever: what waits for an undo goes out by what outlives the page. */
  leave() {
    const deletions = this.#queue.hurry();
    // Without an answer they are sent when the page comes back, or by the next one.
    if (deletions.length === 0 || !this.#mayTry()) return;
    for (const entry of deletions) this.#deleteLast(entry);
  }

  async #deleteLast(entry) {
    entry.is_sending = true;
    this.emit("changed", entry.hall_id);
    try {
      const message = await this.#rest.deleteMessage(entry.hall_id, entry.message_id, { keepalive: true });
      this.#queue.remove(entry.message_id, entry);
      this.emit("confirmed", message);
    } catch {
      entry.is_sending = false;
      this.emit("due");
    }
  }

  storageChanged(key, value) {
    const hallId = this.#queue.storageChanged(key, value);
    if (hallId !== null) this.emit("changed", hallId);
  }

  #queued(hallId) {
    this.emit("changed", hallId);
    this.#watchClock();
    this.emit("due");
  }

  #watchClock() {
    clearTimeout(this.#timer);
    const wait = this.#queue.wait();
    if (wait === null) return;
    this.#timer = setTimeout(() => {
      this.#watchClock();
      this.emit("due");
    }, wait);
  }

  #refused(entry, code) {
    this.emit("changed", entry.hall_id);
    this.emit("refused", entry, code);
  }
}
