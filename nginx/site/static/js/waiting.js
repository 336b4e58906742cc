// SPDX-License-Identifier: Apache-2.0

import { Emitter } from "./utils.js";

const patienceMilliseconds = 4000;
const askAgainMilliseconds = 5000;

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
