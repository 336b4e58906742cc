// SPDX-License-Identifier: Apache-2.0

const settleMilliseconds = 50;
const retryMilliseconds = 5000;

/** Asks for my list of halls when it may be another, and again until it is there. */
export class HallRefresh {
  #rest;
  #take;
  #failed;
  #running = null;
  #isStale = false;
  #retryTimer = null;
  #isStopped = false;

  /** `take(halls)` gets the list, `failed(error)` why it did not come. */
  constructor({ rest, take, failed }) {
    this.#rest = rest;
    this.#take = take;
    this.#failed = failed;
  }

  /** Several changes in a row ask once more after the request under way, not once each. */
  run() {
    if (this.#running) {
      this.#isStale = true;
      return this.#running;
    }
    this.#running = this.#fetch().finally(() => {
      this.#running = null;
      if (this.#isStale) this.run();
    });
    return this.#running;
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#retryTimer);
  }

  async #fetch() {
    // What changes together is announced together.
    await new Promise((resolve) => setTimeout(resolve, settleMilliseconds));
    clearTimeout(this.#retryTimer);
    this.#isStale = false;
    try {
      this.#take(await this.#rest.halls());
    } catch (error) {
      this.#failed(error);
      if (!this.#isStopped) this.#retryTimer = setTimeout(() => this.run(), retryMilliseconds);
    }
  }
}
