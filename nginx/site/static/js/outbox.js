// SPDX-License-Identifier: Apache-2.0

import { Emitter, jittered, parseJSON } from "./utils.js";

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

const acknowledgementMilliseconds = 8000;
const triesMax = 4;

// The same try again would be refused again.
const finalCodes = new Set([
  "message_empty", "message_too_long", "too_large", "not_a_member", "not_allowed", "not_found", "hall_archived",
  "client_key_reused", "invalid_client_key", "invalid_request", "origin_refused", "message_gone", "edit_time_over",
  "method_not_allowed",
]);

// Nobody heard of it: it waits for as long as it takes. A server that answers with errors gets some tries.
const silentCodes = new Set(["offline", "unreachable", "slow"]);

/** Each kind of entry: the event by socket with its payload, and the same by REST. */
const ways = {
  message: ({ hall_id: hallId, content, client_key: key }) => [
    "send_message", { hall_id: hallId, content, client_key: key }, (rest) => rest.send(hallId, content, key),
  ],
  edit: ({ hall_id: hallId, message_id: id, content }) => [
    "edit_message", { hall_id: hallId, id, content }, (rest) => rest.editMessage(hallId, id, content),
  ],
  delete: ({ hall_id: hallId, message_id: id }) => [
    "delete_message", { hall_id: hallId, id }, (rest) => rest.deleteMessage(hallId, id),
  ],
};

const keyOf = (entry) => entry.client_key ?? entry.message_id;

/**
 * Sends an outbox, of messages or of changes to them: one entry at a time in each hall, so that they arrive in the order
 * they were written. By socket where there is one, else by REST. Emits confirmed(message, entry),
 * failed(hallId, code, entry), waiting(hallId, seconds), unauthenticated().
 */
export class Sender extends Emitter {
  #outbox;
  #socket;
  #rest;
  #mayTry;
  #watch;
  #busy = new Map();
  #tries = new Map();
  #heldUntil = new Map();
  #isStopped = false;

  constructor({ outbox, socket, rest, mayTry, watch = (sending) => sending }) {
    super();
    this.#outbox = outbox;
    this.#socket = socket;
    this.#rest = rest;
    this.#mayTry = mayTry;
    this.#watch = watch;
  }

  stop() {
    this.#isStopped = true;
    for (const timer of this.#busy.values()) clearTimeout(timer);
  }

  flush() {
    for (const hallId of this.#outbox.pendingHalls()) this.#sendNext(hallId);
  }

  /** The connection is back: who waits for the next try need not. */
  flushNow() {
    this.#tries.clear();
    for (const [hallId, timer] of this.#busy) {
      if (timer === null || this.isHeld(hallId)) continue;
      clearTimeout(timer);
      this.#busy.delete(hallId);
    }
    this.flush();
  }

  /** Whether the server asked to slow down in this hall. */
  isHeld(hallId) {
    return (this.#heldUntil.get(hallId) ?? 0) > Date.now();
  }

  async #sendNext(hallId) {
    const entry = this.#outbox.next(hallId);
    if (!entry || this.#isStopped || this.#busy.has(hallId) || !this.#mayTry()) return;
    this.#busy.set(hallId, null);
    entry.is_sending = true;
    let delay = 0;
    try {
      const message = await this.#watch(this.#send(entry));
      this.#tries.delete(keyOf(entry));
      this.#outbox.remove(keyOf(entry), entry);
      this.emit("confirmed", entry.client_key ? { ...message, client_key: entry.client_key } : message, entry);
    } catch (error) {
      delay = this.#failed(entry, error);
    }
    entry.is_sending = false;
    this.#busy.delete(hallId);
    if (this.#isStopped) return;
    if (delay === null) return;
    if (delay === 0) return void this.#sendNext(hallId);
    this.#busy.set(hallId, setTimeout(() => {
      this.#busy.delete(hallId);
      this.#sendNext(hallId);
    }, delay));
  }

  /** Milliseconds until the next try in this hall; null when the connection will say. */
  #failed(entry, { code, retryAfter }) {
    const { hall_id: hallId } = entry;
    const key = keyOf(entry);
    if (code === "unauthenticated") {
      this.emit("unauthenticated");
      return null;
    }
    if (code === "rate_limited") {
      const seconds = Math.max(1, Math.ceil(retryAfter ?? 5));
      this.#heldUntil.set(hallId, Date.now() + seconds * 1000);
      this.emit("waiting", hallId, seconds);
      return seconds * 1000;
    }
    if (finalCodes.has(code)) return this.#giveUp(entry, code);
    const tries = (this.#tries.get(key) ?? 0) + 1;
    this.#tries.set(key, tries);
    if (silentCodes.has(code) || tries < triesMax) return jittered(Math.min(1000 * 2 ** tries, 15_000));
    return this.#giveUp(entry, code);
  }

  #giveUp(entry, code) {
    this.#tries.delete(keyOf(entry));
    this.#outbox.fail(keyOf(entry), code, entry);
    this.emit("failed", entry.hall_id, code, entry);
    return 0;
  }

  async #send(entry) {
    const [event, payload, byRest] = ways[entry.kind ?? "message"](entry);
    if (!this.#socket.connected) return byRest(this.#rest);
    let answer;
    try {
      answer = await this.#socket.timeout(acknowledgementMilliseconds).emitWithAck(event, payload);
    } catch {
      // Perhaps it arrived, perhaps not: the same by the other way answers either.
      return byRest(this.#rest);
    }
    if (answer.ok) return answer.message;
    const { code, retry_after: retryAfter } = answer.error ?? {};
    throw Object.assign(new Error(code), { code: code ?? "internal", retryAfter });
  }
}
