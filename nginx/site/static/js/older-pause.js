// SPDX-License-Identifier: Apache-2.0

const pauseMilliseconds = 5000;
const pauseMillisecondsMax = 60_000;

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
