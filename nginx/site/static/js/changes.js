// SPDX-License-Identifier: Apache-2.0

import { Sender } from "./outbox.js";
import { Emitter } from "./utils.js";

const undoMilliseconds = 5000;

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

/**
 * What I changed in messages and the server has not confirmed: for each message the last of it, an edit or a deletion.
 * Each has a place of its own in the storage. A deletion waits for the time in which it can be undone.
 */
class ChangeQueue {
  #storage;
  #prefix;
  #now;
  #entries = new Map();

  constructor({ storage, userId, now = () => Date.now() }) {
    this.#storage = storage;
    this.#prefix = `halls.change.${userId}.`;
    this.#now = now;
    const stored = storage.keys(this.#prefix).map((key) => storage.get(key));
    const entries = stored.filter((entry) => entry?.message_id && entry.hall_id && ["edit", "delete"].includes(entry.kind));
    entries.sort((left, right) => left.written_at - right.written_at);
    for (const entry of entries) this.#entries.set(entry.message_id, entry);
  }

  edit({ hallId, messageId, content }) {
    this.#add({ kind: "edit", hall_id: hallId, message_id: messageId, content });
  }

  delete({ hallId, messageId }) {
    const edit = this.get(messageId);
    // What was edited before, should the deletion be undone; in memory only: deleted text is kept nowhere.
    const undone = edit?.kind === "edit" && edit.state === "pending" ? { undone: edit.content } : {};
    this.#add({ kind: "delete", hall_id: hallId, message_id: messageId, due_at: this.#now() + undoMilliseconds, ...undone });
  }

  /** Takes a deletion back, as long as it can be; the edit before it waits again. */
  undo(messageId) {
    const entry = this.get(messageId);
    if (!entry || !this.canUndo(entry)) return;
    this.remove(messageId, entry);
    if (entry.undone !== undefined) this.edit({ hallId: entry.hall_id, messageId, content: entry.undone });
  }

  canUndo({ kind, is_sending: isSending }) {
    return kind === "delete" && !isSending;
  }

  get(messageId) {
    return this.#entries.get(messageId);
  }

  /** The halls that have something to send now. */
  pendingHalls() {
    return [...new Set([...this.#entries.values()].filter((entry) => this.#isDue(entry)).map((entry) => entry.hall_id))];
  }

  next(hallId) {
    return [...this.#entries.values()].find((entry) => entry.hall_id === hallId && this.#isDue(entry));
  }

  /** Milliseconds until a deletion is due that is not; null where none waits. */
  wait() {
    const waiting = [...this.#entries.values()].filter((entry) => entry.state === "pending" && !this.#isDue(entry));
    return waiting.length > 0 ? Math.min(...waiting.map(({ due_at: dueAt }) => dueAt - this.#now())) : null;
  }

  /** The page is left: the deletions need not wait any longer. */
  hurry() {
    const deletions = [...this.#entries.values()].filter(({ kind, state }) => kind === "delete" && state === "pending");
    for (const entry of deletions) {
      entry.due_at = 0;
      this.#keep(entry);
    }
    return deletions;
  }

  /** `entry` is what was under way; what took its place meanwhile stays. */
  remove(messageId, entry = this.get(messageId)) {
    if (!entry || this.get(messageId) !== entry) return;
    this.#entries.delete(messageId);
    this.#storage.remove(this.#prefix + messageId);
  }

  /** A refused edit stays until its writer has done something with it; a deletion leaves nothing that could be lost. */
  fail(messageId, code, entry = this.get(messageId)) {
    if (!entry || this.get(messageId) !== entry) return;
    if (entry.kind === "delete") return void this.remove(messageId);
    Object.assign(entry, { state: "failed", code });
    this.#keep(entry);
  }

  /** Another window took an entry away: confirmed or undone there. Returns its hall, or null. */
  storageChanged(storageKey, value) {
    if (!storageKey?.startsWith(this.#prefix) || value !== null) return null;
    const entry = this.get(Number(storageKey.slice(this.#prefix.length)));
    if (!entry || entry.is_sending) return null;
    this.#entries.delete(entry.message_id);
    return entry.hall_id;
  }

  // A clock that was set back makes nobody wait for longer.
  #isDue({ state, due_at: dueAt = 0 }) {
    const now = this.#now();
    return state === "pending" && (dueAt <= now || dueAt > now + undoMilliseconds);
  }

  #add(entry) {
    const added = { ...entry, written_at: this.#now(), state: "pending" };
    // The last one written is the last one sent.
    this.#entries.delete(entry.message_id);
    this.#entries.set(entry.message_id, added);
    this.#keep(added);
  }

  #keep({ is_sending: _, undone: __, ...entry }) {
    this.#storage.set(this.#prefix + entry.message_id, entry);
  }
}
