// SPDX-License-Identifier: Apache-2.0

const undoMilliseconds = 5000;

/**
 * What I changed in messages and the server has not confirmed: for each message the last of it, an edit or a deletion.
 * Each has a place of its own in the storage. A deletion waits for the time in which it can be undone.
 */
export class ChangeQueue {
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

  /** Whether a deletion has not left for the server. */
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
