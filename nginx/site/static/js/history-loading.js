// SPDX-License-Identifier: Apache-2.0

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
