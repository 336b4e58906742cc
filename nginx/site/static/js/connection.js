// SPDX-License-Identifier: Apache-2.0

import { Emitter, jittered } from "./utils.js";

const graceMilliseconds = 4000;
const pollMilliseconds = 10_000;
const patienceMilliseconds = 4000;
const askAgainMilliseconds = 5000;

/**
 * What works at the moment, as one state:
 *   connecting  the socket is not there, for less than the grace
 *   online      the socket is there
 *   limited     HTTP answers, the socket does not come: we poll
 *   unreachable something answers, but not the chat
 *   offline     nothing answers
 *   ended       the session ended; only signing in helps
 * Emits state(state, before), poll(halls), unauthenticated().
 */
export class Connection extends Emitter {
  #socket;
  #rest;
  #state = "connecting";
  #timer = null;
  #isProbing = false;
  #heard = 0;

  constructor({ socket, rest }) {
    super();
    this.#socket = socket;
    this.#rest = rest;
    socket.on("connect", () => this.#connected());
    socket.on("disconnect", (reason) => this.#dropped(reason));
    socket.on("connect_error", (error) => this.#refused(error));
    socket.on("error", (error) => {
      if (error?.code === "unauthenticated") this.emit("unauthenticated");
    });
    for (const event of ["packet", "ping"]) socket.io.on(event, () => (this.#heard += 1));
    if (socket.connected) this.#connected();
    else this.#probeIn(graceMilliseconds);
  }

  get state() {
    return this.#state;
  }

  /** How much has come over the socket: more than before means that the other end is there, however slow. */
  get heard() {
    return this.#heard;
  }

  /** Something hints that the world changed (online, visible): look now, do not wait for a timer. */
  nudge() {
    if (this.#state === "ended" || this.#socket.connected) return;
    this.#socket.disconnect();
    this.#socket.connect();
    // A wake-up is noticed before the network is back: the banner keeps its grace.
    this.#probeIn(this.#state === "connecting" ? graceMilliseconds : 300);
  }

  /** The socket says it is there, but nothing comes. It comes back by itself, more slowly each time it is in vain. */
  distrust() {
    if (this.#socket.connected) this.#socket.io.engine.close();
  }

  end() {
    this.#become("ended");
    clearTimeout(this.#timer);
    this.#socket.off();
    this.#socket.disconnect();
  }

  #connected() {
    clearTimeout(this.#timer);
    this.#become("online");
  }

  #dropped(reason) {
    if (this.#state === "ended") return;
    this.#become("connecting");
    this.#probeIn(reason === "io server disconnect" ? 0 : graceMilliseconds);
  }

  #refused(error) {
    if (error.data?.code === "unauthenticated" || error.message === "unauthenticated") this.emit("unauthenticated");
  }

  #probeIn(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#probe(), milliseconds);
  }

  async #probe() {
    if (this.#isProbing || this.#state === "ended") return;
    this.#isProbing = true;
    let found;
    try {
      const halls = await this.#rest.halls();
      found = "limited";
      if (!this.#socket.connected) this.emit("poll", halls);
    } catch (error) {
      if (error.code === "unauthenticated") this.emit("unauthenticated");
      found = error.code === "offline" ? "offline" : "unreachable";
    }
    this.#isProbing = false;
    if (this.#state === "ended" || this.#socket.connected) return;
    this.#become(found);
    // After a refusal the socket does not come back by itself; the session is good, as the probe has shown.
    if (found === "limited" && !this.#socket.active) this.#socket.connect();
    this.#probeIn(jittered(pollMilliseconds));
  }

  #become(state) {
    const before = this.#state;
    if (state === before) return;
    this.#state = state;
    this.emit("state", state, before);
  }
}

/**
 * Whether somebody waits for the server longer than one likes to: a server that hangs says nothing, and its connections stay
 * open. `ask()` is asked now and then while it is so, until something comes. Emits slow(isSlow).
 */
export class Waiting extends Emitter {
  #ask;
  #slow = new Set();
  #timer = null;
  #isStopped = false;

  constructor({ ask = () => {} } = {}) {
    super();
    this.#ask = ask;
  }

  get isSlow() {
    return this.#slow.size > 0;
  }

  /** Passes on what `promise` becomes. Each way of asking is a channel of its own: an answer on one says nothing of others. */
  watch(channel, promise) {
    const timer = setTimeout(() => this.#set(channel, true), patienceMilliseconds);
    const settled = (error) => {
      clearTimeout(timer);
      // Who gave up waiting has no answer.
      if (error?.code !== "slow") this.#set(channel, false);
    };
    promise.then(() => settled(), settled);
    return promise;
  }

  stop() {
    this.#isStopped = true;
    clearInterval(this.#timer);
  }

  #set(channel, isSlow) {
    if (this.#isStopped) return;
    const before = this.isSlow;
    if (isSlow) this.#slow.add(channel);
    else this.#slow.delete(channel);
    if (this.isSlow === before) return;
    clearInterval(this.#timer);
    if (this.isSlow) this.#timer = setInterval(() => this.#ask(), askAgainMilliseconds);
    this.emit("slow", this.isSlow);
  }
}
