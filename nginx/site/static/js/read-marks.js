// SPDX-License-Identifier: Apache-2.0

import { Emitter, jittered } from "./utils.js";

const acknowledgementMilliseconds = 8000;
/** A hall's mark is sent at most once in about so long. */
const paceMilliseconds = 700;
const retryMilliseconds = 5000;
/** What is sent at once by somebody who leaves the page. */
const lastMarksMax = 10;

/**
 * How far I have read each hall, as a `rev`: as the server keeps it, and what it does not know yet. That alone is kept on
 * this device, per user and shared by the windows of its browser.
 */
export class ReadMarks {
  #storage;
  #key;
  #kept = new Map();
  #unsent = new Map();

  constructor({ storage, userId }) {
    this.#storage = storage;
    this.#key = `halls.seen.${userId}`;
    this.absorbStored();
  }

  get storageKey() {
    return this.#key;
  }

  of(hallId) {
    return Math.max(this.#kept.get(hallId) ?? 0, this.#unsent.get(hallId) ?? 0);
  }

  /** The halls of which the server is to be told something; a mark of 0 says nothing. */
  unsentHalls() {
    return [...this.#unsent].filter(([, rev]) => rev > 0).map(([hallId]) => hallId);
  }

  /** What the server is to be told of a hall; undefined for nothing. */
  unsentOf(hallId) {
    return this.#unsent.get(hallId) || undefined;
  }

  /**
   * A hall is listed, with so much in it, and read so far. Where the server has never heard how far, the past of a hall that
   * this device never saw is not news. A hall that ends before what was read, in the first list of all, is another history:
   * the site's data was made anew. Later in the page's life it is only a list that was slow.
   */
  acquaint({ id, rev, read }, { isFirstList }) {
    if (isFirstList && this.#unsent.get(id) > rev) this.#unsent.delete(id);
    if (read !== undefined) this.confirm(id, read);
    else if (!this.#kept.has(id) && !this.#unsent.has(id)) this.#unsent.set(id, rev);
  }

  set(hallId, rev) {
    this.#unsent.set(hallId, rev);
  }

  /** The server has it so, or further than it says here. */
  confirm(hallId, rev) {
    const kept = Math.max(rev, this.#kept.get(hallId) ?? 0);
    this.#kept.set(hallId, kept);
    if (this.#unsent.get(hallId) <= kept) this.#unsent.delete(hallId);
  }

  /** The server moves the mark by itself when I say something, where it has all before it as read. */
  said(hallId, rev) {
    if (this.#kept.get(hallId) === rev - 1) this.confirm(hallId, rev);
    else this.set(hallId, rev);
  }

  /** I am no longer in a hall, or the server wants to hear nothing of it. */
  forget(hallId) {
    this.#unsent.delete(hallId);
  }

  /** What other windows have read. Before each write: they may have read further in another hall. */
  absorbStored() {
    for (const [id, rev] of Object.entries(this.#storage.get(this.#key) ?? {})) {
      const hallId = Number(id);
      if (rev > (this.#kept.get(hallId) ?? -1)) this.#unsent.set(hallId, Math.max(rev, this.#unsent.get(hallId) ?? 0));
    }
  }

  keep() {
    if (this.#unsent.size > 0) this.#storage.set(this.#key, Object.fromEntries(this.#unsent));
    else this.#storage.remove(this.#key);
  }
}

/** Tells the server how far I have read, one hall after the other. Emits unauthenticated(). */
export class MarkSender extends Emitter {
  #halls;
  #socket;
  #rest;
  #mayTry;
  #timer = null;
  #isSending = false;
  #isStopped = false;

  constructor({ halls, socket, rest, mayTry }) {
    super();
    this.#halls = halls;
    this.#socket = socket;
    this.#rest = rest;
    this.#mayTry = mayTry;
    halls.on("marked", () => this.#later(paceMilliseconds));
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Soon, with what is read until then. */
  flush() {
    if (this.#halls.marks.unsentHalls().length > 0) this.#later(paceMilliseconds);
  }

  /** The page is left, perhaps for ever. What is not sent now is sent by the next one. */
  leave() {
    if (this.#isStopped || !this.#mayTry()) return;
    for (const hallId of this.#halls.marks.unsentHalls().slice(0, lastMarksMax)) this.#sendLast(hallId);
  }

  async #sendLast(hallId) {
    try {
      const rev = this.#halls.marks.unsentOf(hallId);
      this.#halls.confirmRead(hallId, (await this.#rest.markRead(hallId, rev, { keepalive: true })).rev);
    } catch {
      // It is still kept as unsent.
    }
  }

  #later(milliseconds) {
    if (this.#isStopped || this.#isSending || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#sendAll();
    }, jittered(milliseconds));
  }

  async #sendAll() {
    if (this.#isSending || !this.#mayTry()) return;
    this.#isSending = true;
    let pause = 0;
    for (const hallId of this.#halls.marks.unsentHalls()) {
      if (this.#isStopped || !this.#mayTry()) break;
      pause = await this.#send(hallId);
      if (pause > 0) break;
    }
    this.#isSending = false;
    if (this.#halls.marks.unsentHalls().length > 0 && this.#mayTry()) this.#later(Math.max(pause, paceMilliseconds));
  }

  /** Returns how long to wait before more is sent. */
  async #send(hallId) {
    const rev = this.#halls.marks.unsentOf(hallId);
    if (rev === undefined) return 0;
    try {
      this.#halls.confirmRead(hallId, (await this.#ask(hallId, rev)).rev);
      return 0;
    } catch ({ code, retryAfter }) {
      if (code === "unauthenticated") this.emit("unauthenticated");
      // What the server will not have another time either is not kept.
      if (["not_a_member", "not_found", "not_allowed", "invalid_request"].includes(code)) {
        this.#halls.dropUnsent(hallId);
        return 0;
      }
      return Math.max((retryAfter ?? 0) * 1000, retryMilliseconds);
    }
  }

  async #ask(hallId, rev) {
    if (!this.#socket.connected) return this.#rest.markRead(hallId, rev);
    const answer = await this.#socket.timeout(acknowledgementMilliseconds).emitWithAck("mark_read", { hall_id: hallId, rev });
    if (answer.ok) return answer;
    throw Object.assign(new Error(answer.error?.code), { code: answer.error?.code, retryAfter: answer.error?.retry_after });
  }
}
