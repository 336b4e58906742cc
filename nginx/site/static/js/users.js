// SPDX-License-Identifier: Apache-2.0

// The people: how they are called and coloured, who I am, who is in a hall.

import { Emitter, jittered } from "./utils.js";

const retryMilliseconds = 5000;
const siteMilliseconds = 30_000;

/** The hue of a person, far from that of the next id (golden angle). */
export function personHue(id) {
  return Math.round((id * 137.508) % 360);
}

/** The first letter of a name as a person sees it. */
export function initialOf(name) {
  const [first = "?"] = name.trim();
  return first.toLocaleUpperCase();
}

/** A name with at most four marks on a letter: more would be painted far above and below it. */
export function shownName(name) {
  return name.replace(/((?:\p{M}[\u200C\u200D]*){4})[\p{M}\u200C\u200D]+/gu, "$1");
}

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
      this.#askTimer = setTimeout(() => this.emit("again"), jittered(retryMilliseconds));
    }
  }
}

/**
 * Who is in one hall, the one that was asked for last; `all` is null until it is known. Emits changed() with each step of
 * asking: it is asked, it came, it failed.
 */
export class Members extends Emitter {
  #rest;
  #hallId = null;
  #requested = 0;
  all = null;
  isLoading = false;
  hasFailed = false;

  constructor({ rest }) {
    super();
    this.#rest = rest;
  }

  get hallId() {
    return this.#hallId;
  }

  /** Of another hall, or with null of none. */
  follow(hallId) {
    this.#hallId = hallId;
    this.all = null;
    return this.load();
  }

  async load() {
    const request = (this.#requested += 1);
    const isAsked = this.#hallId !== null;
    this.#become({ isLoading: isAsked });
    if (!isAsked) return;
    try {
      const members = await this.#rest.members(this.#hallId);
      if (request === this.#requested) this.#become({ all: members });
    } catch {
      if (request === this.#requested) this.#become({ hasFailed: true });
    }
  }

  #become({ all = this.all, isLoading = false, hasFailed = false }) {
    Object.assign(this, { all, isLoading, hasFailed });
    this.emit("changed");
  }
}
