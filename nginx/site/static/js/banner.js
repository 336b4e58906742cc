// SPDX-License-Identifier: Apache-2.0

const patienceMilliseconds = 2000;
const backMilliseconds = 2500;

/**
 * Says what does not work at the moment, and what does. It floats: nothing moves when it comes or goes. It is never
 * hidden, only empty: a live region that appears together with its text is not heard.
 */
export class Banner {
  #element;
  #language;
  #state = null;
  #isSlow = false;
  #shown = null;
  #timer = null;

  constructor({ element, language }) {
    this.#element = element;
    this.#language = language;
    language.on("changed", () => this.#say());
  }

  /** The server lets somebody wait. What is worse than that is said in its place. */
  slowChanged(isSlow) {
    this.#isSlow = isSlow;
    this.#show(this.#state);
  }

  connectionChanged(state, before) {
    clearTimeout(this.#timer);
    if (state === "ended") this.#isSlow = false;
    if (state === "ended") this.#show(null);
    else if (state === "connecting") this.#timer = setTimeout(() => this.#show("reconnecting"), patienceMilliseconds);
    else if (state !== "online") this.#show(state);
    else if (this.#state !== null && before !== "online") {
      this.#show("back");
      this.#timer = setTimeout(() => this.#show(null), backMilliseconds);
    }
  }

  #show(state) {
    this.#state = state;
    this.#shown = this.#isSlow && !["offline", "unreachable"].includes(state) ? "slow" : state;
    this.#element.dataset.state = this.#shown ?? "";
    this.#say();
  }

  #say() {
    this.#element.textContent = this.#shown === null ? "" : this.#language.t(`banner_${this.#shown}`);
  }
}
