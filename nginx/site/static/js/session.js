// SPDX-License-Identifier: Apache-2.0

import { Changes } from "./changes.js";
import { HallRefresh, Halls } from "./halls.js";
import { Histories } from "./messages.js";
import { Outbox, Sender } from "./outbox.js";
import { MarkSender } from "./read-marks.js";
import { Connection } from "./server.js";
import { Sync } from "./sync.js";
import { Identity, People } from "./users.js";
import { Emitter, Repeater, newClientKey } from "./utils.js";

const longHiddenMilliseconds = 30_000;
const reloadPace = { milliseconds: 2000, millisecondsMax: 60_000 };

/**
 * What runs while one person is signed in, without a pixel of it.
 * Emits halls(), hall(hallId), loaded(hallId), gone(hallId), failed(hallId, code), waiting(hallId, seconds),
 * changed(message), connection(state, before), replaced(), ended().
 */
export class Session extends Emitter {
  people;
  halls;
  histories = new Histories();
  outbox;
  /** What this person edits and deletes. */
  changes;
  #rest;
  #socket;
  #connection;
  #sender;
  #markSender;
  #sync;
  #view;
  #hallRefresh;
  /** Loads the hall in view once more where that failed. */
  #reloads = new Repeater(() => this.#reload(), reloadPace);
  #isEnded = false;
  #identity;
  #isSiteLogin;

  /**
   * `view()` is what the person looks at: {hallId, isAtEnd, isRead, peopleIds}; read is what is before their eyes at its end.
   * `watch(sending)` hears of each message that is sent.
   */
  constructor({ user, rest, socket, storage, view, watch, folder = "", isSiteLogin = false }) {
    super();
    /** What the browser keeps for this person in this chat is kept under it. */
    this.storageId = folder + user.id;
    this.people = new People({ rest, user });
    this.#rest = rest;
    this.#socket = socket;
    this.#view = view;
    this.halls = new Halls({ storage, userId: this.storageId });
    this.outbox = new Outbox({ storage, userId: this.storageId });
    this.#connection = new Connection({ socket, rest });
    this.#sync = new Sync({
      rest, socket, connection: this.#connection, histories: this.histories, halls: this.halls,
      isReadAbove: (hallId) => this.#viewedId === hallId && !this.#view().isAtEnd,
    });
    this.#isSiteLogin = isSiteLogin;
    this.#identity = new Identity({ rest, user, isSiteLogin });
    const mayTry = () => this.#identity.isSure && this.#answers;
    this.#sender = new Sender({ outbox: this.outbox, socket, rest, mayTry, watch });
    const isAway = () => this.#isAway;
    this.changes = new Changes({ storage, userId: this.storageId, socket, rest, mayTry, watch, isAway });
    this.#markSender = new MarkSender({ halls: this.halls, socket, rest, mayTry });
    this.#hallRefresh = new HallRefresh({
      rest,
      take: (halls) => this.#replaceHalls(halls, (list) => this.halls.replace(list)),
      failed: (error) => this.#failed(error),
    });
    this.#wire();
  }

  get user() {
    return this.people.me;
  }

  get connectionState() {
    return this.#connection.state;
  }

  /** With the first list of halls, which the entry has fetched already. */
  start(halls) {
    this.halls.replace(halls);
    this.emit("halls");
    if (this.#socket.connected) this.#cameOnline();
  }

  /** A hall's newest page. Where it fails the hall in view is tried again by itself, until it is there. */
  async load(hallId) {
    this.#reloads.cancel();
    try {
      await this.#sync.load(hallId);
      this.#reloads.reset();
    } catch (error) {
      this.#failed(error, hallId);
      if (!this.#isEnded) this.#reloads.later();
      throw error;
    }
  }

  async loadOlder(hallId) {
    try {
      await this.#sync.loadOlder(hallId);
    } catch (error) {
      this.#failed(error, hallId);
      throw error;
    }
  }

  /** A hall comes into view that was loaded before. */
  verify(hallId) {
    this.#sync.verify(hallId);
  }

  leaveView(hallId) {
    this.#sync.leave(hallId);
  }

  send(hallId, content) {
    this.outbox.add({ clientKey: newClientKey(), hallId, content });
    this.emit("hall", hallId);
    this.#flush();
  }

  retry(clientKey) {
    const { hall_id: hallId } = this.outbox.get(clientKey) ?? {};
    this.outbox.retry(clientKey);
    this.emit("hall", hallId);
    this.#flush();
  }

  discard(clientKey) {
    const { hall_id: hallId } = this.outbox.get(clientKey) ?? {};
    this.outbox.remove(clientKey);
    this.emit("hall", hallId);
  }

  /** What is on its way in a hall, in the shape of messages; it waits for a connection where there is certainly none. */
  pending(hallId) {
    const history = this.histories.of(hallId);
    return this.outbox.of(hallId).filter((entry) => !history.hasKey(entry.client_key)).map((entry) => ({
      client_key: entry.client_key,
      hall_id: hallId,
      sender_id: this.user.id,
      username: this.user.username,
      content: entry.content,
      created_at: new Date(entry.written_at).toISOString(),
      state: entry.state,
      is_waiting: this.#isAway,
      code: entry.code,
    }));
  }

  async create(name, isPrivate) {
    return this.#entered(await this.#rest.createHall(name, isPrivate));
  }

  async join(hallId) {
    return this.#entered(await this.#rest.joinHall(hallId));
  }

  async leave(hallId) {
    await this.#rest.leaveHall(hallId);
    this.#forget(hallId);
    this.emit("halls");
  }

  /** The page is in view again, or the network is: only what changed is fetched. */
  wake(hiddenMilliseconds = 0) {
    if (this.#isEnded) return;
    this.#identity.wake();
    if (!this.#socket.connected) this.#connection.nudge();
    else if (hiddenMilliseconds > longHiddenMilliseconds) this.#cameOnline();
    else if (this.#viewedId !== null) this.#sync.join(this.#viewedId);
    this.#reload();
  }

  /** The browser says that the network is gone; the socket would notice much later. */
  networkLost() {
    this.#connection.distrust();
  }

  /** The page is left, perhaps for ever. */
  leavePage() {
    this.changes.leave();
    this.#markSender.leave();
  }

  end() {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const parts = [this.#sender, this.#markSender, this.changes, this.#sync, this.#identity, this.#hallRefresh, this.people];
    for (const part of parts) part.stop();
    this.#reloads.cancel();
    this.#connection.end();
    this.emit("ended");
  }

  get #answers() {
    return ["online", "limited"].includes(this.#connection.state);
  }

  get #isAway() {
    return ["offline", "unreachable"].includes(this.#connection.state);
  }

  // The site may have another person signed in by now, whom a socket that comes back is let in as; no word of theirs belongs
  // into this page.
  get #mustKnow() {
    return this.#isSiteLogin && !this.#identity.isSure && this.#connection.state === "online";
  }

  get #viewedId() {
    return this.#view().hallId;
  }

  #wire() {
    this.#socket.on("new_message", (message) => this.#received(message));
    this.#socket.on("message_changed", (event) => this.#receivedChange(event));
    this.#socket.on("user_changed", ({ user }) => this.people.take([user]));
    this.#socket.on("halls_changed", () => this.#hallRefresh.run());
    this.#socket.on("read_changed", ({ hall_id: hallId, rev }) => this.halls.confirmRead(hallId, rev));
    this.#connection.on("state", (state, before) => {
      this.emit("connection", state, before);
      if (!this.#answers) this.#identity.doubt();
      if (this.#mustKnow) this.#identity.ask();
      else if (state === "online") this.#cameOnline();
      if (state === "limited") this.#flush({ isNow: true });
    });
    this.#connection.on("poll", (halls) => {
      this.#replaceHalls(halls, (list) => this.#sync.poll(list));
      this.people.ask(this.#view().peopleIds?.() ?? []);
      this.#reload();
      this.#flush();
    });
    this.#sender.on("confirmed", (message) => this.#take(message));
    this.#sender.on("failed", (hallId, code) => {
      this.emit("hall", hallId);
      this.emit("failed", hallId, code);
    });
    this.changes.on("changed", (hallId) => this.emit("hall", hallId));
    this.changes.on("confirmed", (message) => this.#sync.amend(message));
    this.changes.on("due", () => this.#flush());
    for (const part of [this.#sender, this.changes]) {
      part.on("waiting", (hallId, seconds) => this.emit("waiting", hallId, seconds));
    }
    this.#identity.on("replaced", () => this.emit("replaced"));
    this.#identity.on("ended", () => this.end());
    this.#identity.on("again", () => (this.#mustKnow ? this.#identity.ask() : this.#flush({ isNow: true })));
    this.#identity.on("sure", () => {
      if (this.#isSiteLogin && this.#connection.state === "online") this.#cameOnline();
    });
    this.#sync.on("loaded", (hallId) => this.emit("loaded", hallId));
    this.#sync.on("changed", (hallId) => this.emit("hall", hallId));
    this.#sync.on("gone", (hallId) => this.#lost(hallId));
    for (const part of [this.#connection, this.#sender, this.#markSender, this.changes, this.#sync]) {
      part.on("unauthenticated", () => this.end());
    }
  }

  async #cameOnline() {
    if (!this.halls.isLoaded || this.#mustKnow) return;
    this.#flush({ isNow: true });
    this.#reloads.reset();
    this.#reload();
    await this.#hallRefresh.run();
    await this.#sync.joinAll(this.#viewedId);
    // Not before: of who changes from now on the halls tell.
    this.people.refresh(this.#view().peopleIds?.());
  }

  // While we were away somebody else may have signed in with this browser: what waits goes out under the name it was
  // written under or not at all. Who has nothing to send asks nothing.
  async #flush({ isNow = false } = {}) {
    this.#markSender.flush();
    const isPending = this.outbox.pendingHalls().length > 0 || this.changes.isPending;
    if (!this.#identity.isSure && this.#answers && isPending) await this.#identity.ask();
    if (isNow) this.#sender.flushNow();
    else this.#sender.flush();
    this.changes.flush({ isNow });
  }

  #reload() {
    const hallId = this.#viewedId;
    if (hallId === null || this.histories.of(hallId).isLoaded || !this.halls.get(hallId)) return;
    // What it failed with is said already.
    this.load(hallId).catch(() => {});
  }

  #replaceHalls(halls, replace) {
    const before = new Set(this.halls.all().map(({ id }) => id));
    const viewed = this.#viewedId;
    replace(halls);
    for (const { id } of halls) if (!before.delete(id)) this.#sync.join(id);
    for (const id of before) this.histories.forget(id);
    if (viewed !== null && before.has(viewed)) this.emit("gone", viewed);
    this.emit("halls");
  }

  #received(message) {
    if (message.sender_id === this.user.id) {
      if (message.client_key) this.outbox.remove(message.client_key);
      // A broadcast may come without the key: until the acknowledgement tells, the same words are the same message.
      message.client_key ??= this.outbox.matching(message)?.client_key;
    }
    this.#take(message);
  }

  #receivedChange(event) {
    const { id, sender_id: senderId, deleted } = event.message;
    // What I did myself I know, here or in another window.
    const isMine = this.changes.has(id) || (senderId === this.user.id && (!deleted || deleted === "sender"));
    this.#sync.takeChange(event);
    if (!isMine) this.emit("changed", event.message);
  }

  #take(message) {
    const { hall_id: hallId, rev } = message;
    this.#sync.take(message);
    if (message.sender_id === this.user.id && this.#isReadBefore(hallId, rev)) this.halls.markSaid(hallId, rev);
  }

  // My own message is no news to me; but what others wrote before it I may not have seen.
  #isReadBefore(hallId, rev) {
    const { hallId: viewedId, isRead } = this.#view();
    return this.halls.readRev(hallId) === rev - 1 || (viewedId === hallId && isRead);
  }

  #entered(hall) {
    this.halls.add(hall);
    this.halls.markRead(hall.id);
    this.#sync.join(hall.id);
    this.emit("halls");
    return hall;
  }

  #lost(hallId) {
    if (!this.halls.get(hallId)) return;
    this.#forget(hallId);
    this.emit("gone", hallId);
    this.emit("halls");
  }

  #forget(hallId) {
    this.histories.forget(hallId);
    this.halls.remove(hallId);
  }

  #failed({ code }, hallId) {
    if (code === "unauthenticated") this.end();
    if (hallId && (code === "not_a_member" || code === "not_found")) this.#lost(hallId);
  }
}
