// SPDX-License-Identifier: Apache-2.0

import { parseJSON } from "./utils.js";

/**
 * What I wrote and the server has not confirmed, oldest first. Each entry has a place of its own in the storage,
 * so that two windows do not overwrite each other; both may send it, the client key makes it one message.
 */
export class Outbox {
  #storage;
  #prefix;
  #entries = [];
  #now;

  constructor({ storage, userId, now = () => Date.now() }) {
    this.#storage = storage;
    this.#prefix = `halls.outbox.${userId}.`;
    this.#now = now;
    this.#entries = storage
      .keys(this.#prefix)
      .map((key) => storage.get(key))
      .filter((entry) => entry?.client_key && entry.hall_id)
      .sort((left, right) => left.written_at - right.written_at);
  }

  add({ clientKey, hallId, content }) {
    // Two in one millisecond keep their order.
    const last = this.#entries.at(-1)?.written_at ?? 0;
    const entry = {
      client_key: clientKey,
      hall_id: hallId,
      content,
      written_at: Math.max(this.#now(), last + 1),
      state: "pending",
    };
    this.#entries.push(entry);
    this.#keep(entry);
    return entry;
  }

  of(hallId) {
    return this.#entries.filter((entry) => entry.hall_id === hallId);
  }

  get(clientKey) {
    return this.#entries.find((entry) => entry.client_key === clientKey);
  }

  /** The halls that have something to send. */
  pendingHalls() {
    return [...new Set(this.#entries.filter(({ state }) => state === "pending").map((entry) => entry.hall_id))];
  }

  /** What is to be sent next in a hall; what failed does not stop what comes after it. */
  next(hallId) {
    return this.#entries.find((entry) => entry.hall_id === hallId && entry.state === "pending");
  }

  /** The entry whose echo this may be, when the echo carries no key. */
  matching({ hall_id: hallId, content }) {
    return this.#entries.find((entry) => entry.hall_id === hallId && entry.content === content && entry.is_sending);
  }

  fail(clientKey, code) {
    this.#change(clientKey, { state: "failed", code, is_seen: false });
  }

  retry(clientKey) {
    this.#change(clientKey, { state: "pending", code: undefined });
  }

  /** The halls in which a message failed that its writer has not seen fail. */
  unseenFailures() {
    return new Set(this.#entries.filter(isUnseenFailure).map((entry) => entry.hall_id));
  }

  /** What failed in a hall is before the eyes of who wrote it. Returns whether some of it was news. */
  see(hallId) {
    const entries = this.of(hallId).filter(isUnseenFailure);
    for (const { client_key: key } of entries) this.#change(key, { is_seen: true });
    return entries.length > 0;
  }

  remove(clientKey) {
    this.#entries = this.#entries.filter((entry) => entry.client_key !== clientKey);
    this.#storage.remove(this.#prefix + clientKey);
  }

  /**
   * Another window wrote an entry (its text is `value`), or took it away (null): confirmed or deleted there.
   * Returns whether something changed here. The storage is left as the other window wants it.
   */
  storageChanged(storageKey, value) {
    if (!storageKey?.startsWith(this.#prefix)) return false;
    const entry = this.get(storageKey.slice(this.#prefix.length));
    // What this window is sending it will hear of itself.
    if (!entry || entry.is_sending) return false;
    if (value === null) {
      this.#entries = this.#entries.filter((each) => each !== entry);
      return true;
    }
    const { state, code, is_seen: isSeen } = parseJSON(value) ?? {};
    if (state !== "pending" && state !== "failed") return false;
    Object.assign(entry, { state, code, is_seen: isSeen });
    return true;
  }

  #change(clientKey, values) {
    const entry = this.get(clientKey);
    if (!entry) return;
    Object.assign(entry, values);
    this.#keep(entry);
  }

  #keep({ is_sending: _, ...entry }) {
    this.#storage.set(this.#prefix + entry.client_key, entry);
  }
}

function isUnseenFailure({ state, is_seen: isSeen }) {
  return state === "failed" && isSeen === false;
}
