// SPDX-License-Identifier: Apache-2.0

import { Emitter, jittered } from "./utils.js";

const acknowledgementMilliseconds = 8000;
const joinsAtOnce = 8;
const messagesKept = 2000;
const messagesOver = 200;
const retryMilliseconds = 5000;

/**
 * Keeps the loaded histories whole: the socket makes them fast, `since_rev` and `since_change` make them right.
 * Emits loaded(hallId), changed(hallId), gone(hallId, code), unauthenticated().
 */
export class Sync extends Emitter {
  #rest;
  #socket;
  #connection;
  #histories;
  #halls;
  #isReadAbove;
  #loading = new Map();
  #catching = new Map();
  #loadingOlder = new Map();
  #isStopped = false;

  /** `isReadAbove(hallId)` says whether somebody looks at a hall, but not at its end. */
  constructor({ rest, socket, connection, histories, halls, isReadAbove }) {
    super();
    this.#rest = rest;
    this.#socket = socket;
    this.#connection = connection;
    this.#histories = histories;
    this.#halls = halls;
    this.#isReadAbove = isReadAbove;
  }

  stop() {
    this.#isStopped = true;
  }

  /** Makes the socket a receiver of all my halls, the one in view first. */
  async joinAll(firstId) {
    const ids = this.#halls.all().map(({ id }) => id);
    ids.sort((left, right) => (right === firstId) - (left === firstId));
    const next = async () => {
      while (ids.length > 0 && this.#socket.connected) await this.join(ids.shift());
    };
    await Promise.all(Array.from({ length: joinsAtOnce }, next));
  }

  /** Joins one hall's events and takes what changed since. */
  async join(hallId) {
    if (!this.#socket.connected) return;
    const history = this.#histories.of(hallId);
    const since = history.isCurrent ? this.#since(hallId) : {};
    const { id } = this.#socket;
    const { heard } = this.#connection;
    let answer;
    try {
      const patient = this.#socket.timeout(acknowledgementMilliseconds);
      answer = await patient.emitWithAck("join_hall", { hall_id: hallId, ...since });
    } catch {
      return this.#unanswered(hallId, id, heard);
    }
    if (!answer.ok) return this.#refused(hallId, answer.error ?? {}, () => this.join(hallId));
    this.#raise(hallId, answer);
    if ("since_rev" in since && history.isCurrent) return this.#take(hallId, answer, since);
    return this.verify(hallId);
  }

  /** The newest page, afresh. Throws what the request throws. Calls at the same time share one request. */
  load(hallId) {
    return shared(this.#loading, hallId, () => this.#load(hallId));
  }

  /** The page before what is loaded. Calls at the same time share one request. */
  loadOlder(hallId) {
    return shared(this.#loadingOlder, hallId, () => this.#loadOlder(hallId));
  }

  async #loadOlder(hallId) {
    const history = this.#histories.of(hallId);
    const oldest = history.messages[0];
    if (!oldest || !history.isLoaded || !history.hasOlder) return;
    const page = await this.#rest.messagesBefore(hallId, oldest.id);
    // Loaded afresh meanwhile: the page does not join what is there now.
    if (history.messages[0] === oldest) history.prepend(page);
    // What hears of it may ask for the next.
    this.#loadingOlder.delete(hallId);
    this.emit("changed", hallId);
    this.verify(hallId);
  }

  /** What changed since our rev, by REST. Calls at the same time share one request. */
  async catchUp(hallId) {
    const { rev, change } = this.#histories.of(hallId);
    await shared(this.#catching, hallId, () => this.#catchUp(hallId));
    // What came after the request left is not in its answer. Without any progress asking again would not help.
    const now = this.#histories.of(hallId);
    if (now.rev > rev || now.change > change) this.verify(hallId);
  }

  /** A message the server pushed or acknowledged. */
  take(message) {
    const { hall_id: hallId } = message;
    this.#halls.raise(hallId, message.rev);
    const history = this.#histories.of(hallId);
    if (!history.take(message)) this.catchUp(hallId);
    this.#note([message]);
    this.#bound(hallId);
    this.emit("changed", hallId);
  }

  /** The server pushed that a message became another. */
  takeChange(event) {
    const { hall_id: hallId, rev } = event.message;
    this.#raise(hallId, { rev, change: event.change });
    if (!this.#histories.of(hallId).takeChange(event)) this.catchUp(hallId);
    this.#note([event.message]);
    this.emit("changed", hallId);
  }

  /** A message as the server acknowledged its change; the hall's changes before it may still be to come. */
  amend(message) {
    this.#histories.of(message.hall_id).amend(message);
    this.#note([message]);
    this.emit("changed", message.hall_id);
  }

  /** Without the socket: the server's list says which of the loaded halls moved. */
  poll(halls) {
    this.#halls.replace(halls);
    for (const [hallId] of this.#histories.loaded()) this.verify(hallId);
  }

  /** Asks for what a loaded hall lacks: between the page and the first event there may have been what neither brought. */
  verify(hallId) {
    const history = this.#histories.of(hallId);
    const hall = this.#halls.get(hallId);
    if (!hall || !history.isLoaded) return undefined;
    const lacksMessages = history.isCurrent && (history.hasHole || history.rev < hall.rev);
    // Who fell behind lacks messages, but what is shown to them is to be as it is now.
    return lacksMessages || (history.change ?? 0) < hall.change ? this.catchUp(hallId) : undefined;
  }

  /** A hall is no longer looked at. */
  leave(hallId) {
    const history = this.#histories.of(hallId);
    if (history.isBehind) this.#histories.forget(hallId);
    else history.trim(messagesKept);
  }

  async #load(hallId) {
    const page = await this.#rest.messages(hallId);
    this.#histories.of(hallId).load(page);
    this.#note(page.messages);
    this.#raise(hallId, page);
    this.emit("loaded", hallId);
    // Not waited for: who loads because catching up did not do would wait for itself.
    this.verify(hallId);
  }

  async #catchUp(hallId) {
    if (!this.#histories.of(hallId).isLoaded) return;
    const since = this.#since(hallId);
    try {
      await this.#take(hallId, await this.#rest.messagesSince(hallId, since.since_rev, since.since_change), since);
    } catch (error) {
      this.#refused(hallId, error, () => this.verify(hallId));
    }
  }

  /** From where on something is missing. Who fell behind asks for the changes alone; an older server knows none. */
  #since(hallId) {
    const { isBehind, rev, change } = this.#histories.of(hallId);
    const hall = this.#halls.get(hallId);
    const since = { since_rev: isBehind ? Math.max(rev, hall?.rev ?? 0) : rev };
    if (change === null && !(hall?.change > 0)) return since;
    return { ...since, since_change: change ?? 0 };
  }

  #raise(hallId, { rev, change }) {
    this.#halls.raise(hallId, rev);
    this.#halls.raiseChange(hallId, change);
  }

  #note(messages = []) {
    for (const { hall_id: hallId, rev, deleted } of messages) if (deleted) this.#halls.noteDeleted(hallId, rev);
  }

  async #take(hallId, answer, since) {
    this.#raise(hallId, answer);
    const history = this.#histories.of(hallId);
    const wasBehind = history.isBehind;
    const isWhole = history.catchUp(answer, since.since_change);
    if (isWhole) this.#note([...(answer.messages ?? []), ...(answer.changed ?? [])]);
    // Who reads above is not thrown to the end: they are told how much there is, and it is loaded when they want it.
    if (!isWhole && this.#isReadAbove(hallId)) history.fallBehind();
    if (isWhole || history.isBehind) {
      this.#bound(hallId);
      this.emit("changed", hallId);
      if (!wasBehind && history.isBehind) this.#later(() => this.verify(hallId), 0);
      return;
    }
    try {
      await this.load(hallId);
    } catch (error) {
      this.#refused(hallId, error, () => this.verify(hallId));
    }
  }

  // A page that is open for months must not fill its memory. What is read above its end is not taken away;
  // and not each message moves all others.
  #bound(hallId) {
    const history = this.#histories.of(hallId);
    if (history.messages.length <= messagesKept + messagesOver || this.#isReadAbove(hallId)) return;
    history.trim(messagesKept);
  }

  // What is refused for the moment is tried again, else the hall would stay behind without a word.
  #refused(hallId, { code }, again) {
    if (code === "unauthenticated") this.emit("unauthenticated");
    else if (code === "not_a_member" || code === "not_found") this.emit("gone", hallId, code);
    else this.#later(again);
  }

  // A server that is slow becomes slower when everybody connects anew: only a connection on which nothing comes is closed.
  #unanswered(hallId, socketId, heard) {
    // The connection that was asked is gone; the next one joins all halls.
    if (this.#socket.id !== socketId) return;
    if (this.#connection.heard === heard) this.#connection.distrust();
    else this.#later(() => this.#socket.id === socketId && this.join(hallId));
  }

  #later(again, milliseconds = jittered(retryMilliseconds)) {
    if (!this.#isStopped) setTimeout(again, milliseconds);
  }
}

/** What is under way for a key, or what `start` begins. */
function shared(running, key, start) {
  if (!running.has(key)) running.set(key, start().finally(() => running.delete(key)));
  return running.get(key);
}

const pauseMilliseconds = 5000;
const pauseMillisecondsMax = 60_000;

/** Loads what the conversation in view asks for, and shows it where that fails. */
export class HistoryLoading {
  #conversation;
  #session;
  #sayFailed;

  /** `sayFailed()` says it where nothing else shows it. */
  constructor({ conversation, session, sayFailed }) {
    this.#conversation = conversation;
    this.#session = session;
    this.#sayFailed = sayFailed;
    conversation.on("older", () => this.#fetch((hallId) => session.loadOlder(hallId)));
    conversation.on("reload", () => this.reload());
    conversation.on("latest", () => this.#loadLatest());
  }

  reload() {
    return this.#fetch((hallId) => this.#session.load(hallId));
  }

  // Where it fails the button that asked for it is still there, under the line that was read.
  async #loadLatest() {
    try {
      await this.#session.load(this.#conversation.hallId);
    } catch {
      this.#sayFailed();
    }
  }

  async #fetch(load) {
    const { hallId } = this.#conversation;
    try {
      await load(hallId);
    } catch {
      if (this.#conversation.hallId === hallId) this.#conversation.showFailure();
    }
  }
}

/**
 * An older page did not come: scrolling alone does not ask for it again at once, or it would with every frame. After a
 * while it is asked for without scrolling, too (`look()`): who is at the very top, or has nothing to scroll, cannot scroll
 * there. Each failure makes the pause longer, until a page came.
 */
export class OlderPause {
  #look;
  #until = 0;
  #length = pauseMilliseconds;
  #timer = null;

  constructor(look) {
    this.#look = look;
  }

  get isOver() {
    return performance.now() >= this.#until;
  }

  begin() {
    clearTimeout(this.#timer);
    this.#until = performance.now() + this.#length;
    this.#timer = setTimeout(() => this.#look(), this.#length + 1);
    this.#length = Math.min(this.#length * 2, pauseMillisecondsMax);
  }

  end() {
    clearTimeout(this.#timer);
    this.#until = 0;
    this.shorten();
  }

  shorten() {
    this.#length = pauseMilliseconds;
  }
}
