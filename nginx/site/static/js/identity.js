// SPDX-License-Identifier: Apache-2.0

import { Emitter } from "./utils.js";

const retryMilliseconds = 5000;
const siteMilliseconds = 30_000;

/**
 * Whether the browser is still signed in as the person whose session this is. While the page was away somebody else may
 * have signed in. Emits replaced(), ended(), again() where nobody answered and it is to be asked once more.
 */
export class Identity extends Emitter {
  #rest;
  #user;
  #isSure = true;
  #asking = null;
  #askTimer = null;
  /** Asks again and again, where the site's own login ends sessions of which the socket hears nothing. */
  #siteTimer = null;
  #isStopped = false;

  constructor({ rest, user, isSiteLogin }) {
    super();
    this.#rest = rest;
    this.#user = user;
    if (isSiteLogin) this.#siteTimer = setInterval(() => this.ask(), siteMilliseconds);
  }

  get isSure() {
    return this.#isSure;
  }

  doubt() {
    this.#isSure = false;
  }

  ask() {
    this.#asking ??= this.#compare().finally(() => (this.#asking = null));
    return this.#asking;
  }

  /** The page is in view again. */
  wake() {
    if (this.#siteTimer !== null) this.ask();
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#askTimer);
    clearInterval(this.#siteTimer);
  }

  async #compare() {
    clearTimeout(this.#askTimer);
    try {
      const { user } = await this.#rest.session();
      if (!user) this.emit("ended");
      else if (user.id !== this.#user.id) this.emit("replaced");
      else this.#isSure = true;
    } catch (error) {
      if (error.code === "unauthenticated") this.emit("ended");
      if (this.#isStopped) return;
      this.#askTimer = setTimeout(() => this.emit("again"), retryMilliseconds * (0.75 + Math.random() / 2));
    }
  }
}
