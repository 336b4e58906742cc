// SPDX-License-Identifier: Apache-2.0

// The people: what is shown of them, who I am, who is in a hall.

import { Emitter, jittered } from "./utils.js";

const retryMilliseconds = 5000;
const siteMilliseconds = 30_000;
const gatherMilliseconds = 50;
// Far more than are shown at a time.
const knownMax = 3000;
const batchMax = 100;
// Longer than any that is one; the rest of a word is not looked at.
const letterLengthMax = 64;
const letters = Intl.Segmenter && new Intl.Segmenter();

/** The hue of a person: the one they chose, else one far from that of the next id (golden angle). */
export function hueOf({ id, picture = "" }) {
  const chosen = /^hue:(\d{1,3})$/u.exec(picture)?.[1];
  return Math.round((chosen ?? id * 137.508) % 360);
}

/** The path of a person's picture, which lies on our own origin; "" where there is none. */
export function pathOf({ picture = "" }) {
  return /^\/(?!\/)[!-[\]-~]*$/u.test(picture) ? picture : "";
}

/** The first letters of the first and the last word of a name as a person sees them. */
export function initialsOf(name) {
  const [first = "?", ...more] = shownName(name).trim().split(/\s+/u).map(firstLetter);
  const last = more.at(-1) ?? "";
  return (first + (/^[\p{L}\p{N}]/u.test(last) ? last : "")).toLocaleUpperCase();
}

function firstLetter(word) {
  const start = word.slice(0, letterLengthMax);
  return (letters ? Array.from(letters.segment(start), ({ segment }) => segment) : [...start])[0];
}

/** What names have in common that look the same: their form, their case and what does not show do not tell them apart. */
export function nameKey(name) {
  const seen = shownName(name.replace(/\p{Default_Ignorable_Code_Point}/gu, ""));
  return seen.normalize("NFKC").toUpperCase().toLowerCase();
}

/** What somebody is called in a sentence. */
export function spokenName({ name, handle }) {
  return handle ? `${name} (${handle})` : name;
}

/** A name with at most four marks on a letter: more would be painted far above and below it. */
export function shownName(name) {
  return name.replace(/((?:\p{M}[\u200C\u200D]*){4})[\p{M}\u200C\u200D]+/gu, "$1");
}

/**
 * What is known of people: of two copies of a person the newer. Who is to be shown and is not known is asked for, many in
 * one request, and nobody twice over the same connection. Emits changed().
 */
export class People extends Emitter {
  /** False with a server of before people had names. */
  haveNames;
  #rest;
  #myId;
  /** By id; who was seen last stands last. */
  #known = new Map();
  /** How many people have a name or a username that looks like this; null until it is counted. */
  #owners = null;
  #asked = new Set();
  #wanted = new Set();
  #timer = null;
  #isAsking = false;
  #isMute = false;

  constructor({ rest, user }) {
    super();
    this.#rest = rest;
    this.#myId = user.id;
    this.haveNames = user.version !== undefined;
    this.take([user]);
  }

  get me() {
    return this.#known.get(this.#myId);
  }

  stop() {
    this.#isMute = true;
    this.#wanted.clear();
    clearTimeout(this.#timer);
  }

  /** Somebody as they are to be shown; `handle` tells them apart from others whose names look the same, or is "". */
  of(id, username) {
    const known = this.#see(id);
    if (known?.username !== username && !this.#asked.has(id)) this.ask([id]);
    const person = known ?? { id, username, name: username };
    const others = this.#ownersOf(nameKey(person.name)) - (known ? 1 : 0);
    return { ...person, handle: others > 0 ? `@${person.username}` : "" };
  }

  /** People as the server has them. */
  take(users) {
    const newer = users.filter(({ id, version = 0 }) => !(version <= this.#known.get(id)?.version));
    for (const { id, username, name = username, picture, version = 0 } of newer) {
      this.#known.delete(id);
      this.#known.set(id, { id, username, name, picture, version, keys: new Set([name, username].map(nameKey)) });
    }
    this.#see(this.#myId);
    for (const id of [...this.#known.keys()].slice(0, -knownMax)) {
      this.#known.delete(id);
      this.#asked.delete(id);
    }
    this.#owners = null;
    if (newer.length > 0) this.emit("changed");
  }

  /** Over a new connection: what became of all who are known, those in sight first. */
  refresh(shownIds = []) {
    this.#asked.clear();
    this.ask([...shownIds, ...[...this.#known.keys()].reverse()]);
  }

  ask(ids) {
    if (this.#isMute) return;
    if (this.#asked.size > knownMax) this.#asked.clear();
    for (const id of ids) {
      this.#asked.add(id);
      this.#wanted.add(id);
    }
    if (!this.#isAsking) this.#askIn(gatherMilliseconds);
  }

  #askIn(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#askAll(), milliseconds);
  }

  async #askAll() {
    this.#isAsking = true;
    let pause = 0;
    while (pause === 0 && this.#wanted.size > 0) pause = await this.#askSome();
    this.#isAsking = false;
    if (pause > 0 && !this.#isMute) this.#askIn(jittered(pause));
  }

  /** How long to wait before it is tried again. */
  async #askSome() {
    const versionOf = (id) => this.#known.get(id)?.version;
    // Versions are said of all or of none.
    const isKnown = versionOf([...this.#wanted][0]) !== undefined;
    const ids = [...this.#wanted].filter((id) => (versionOf(id) !== undefined) === isKnown).slice(0, batchMax);
    for (const id of ids) this.#wanted.delete(id);
    let users;
    try {
      users = await this.#rest.users(ids, isKnown ? ids.map(versionOf) : []);
    } catch ({ status = 0, retryAfter = 0 }) {
      if (status === 404) this.stop();
      if (status >= 400 && status < 429) return 0;
      for (const id of ids) this.#wanted.add(id);
      return Math.max(retryMilliseconds, 1000 * retryAfter);
    }
    this.take(users);
    return 0;
  }

  #see(id) {
    const person = this.#known.get(id);
    if (person) {
      this.#known.delete(id);
      this.#known.set(id, person);
    }
    return person;
  }

  #ownersOf(key) {
    if (this.#owners === null) {
      this.#owners = new Map();
      const all = [...this.#known.values()].flatMap(({ keys }) => [...keys]);
      for (const each of all) this.#owners.set(each, this.#ownersOf(each) + 1);
    }
    return this.#owners.get(key) ?? 0;
  }
}

/**
 * Whether the browser is still signed in as the person whose session this is. While the page was away somebody else may
 * have signed in. Emits replaced(), ended(), sure() after a doubt, again() where nobody answered and it is to be asked once more.
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

  #confirm() {
    if (this.#isSure) return;
    this.#isSure = true;
    this.emit("sure");
  }

  async #compare() {
    clearTimeout(this.#askTimer);
    try {
      const { user } = await this.#rest.session();
      if (!user) this.emit("ended");
      else if (user.id !== this.#user.id) this.emit("replaced");
      else this.#confirm();
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
  #people;
  #hallId = null;
  #requested = 0;
  all = null;
  isLoading = false;
  hasFailed = false;

  constructor({ rest, people }) {
    super();
    this.#rest = rest;
    this.#people = people;
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
      if (request !== this.#requested) return;
      this.#people.take(members);
      this.#become({ all: members });
    } catch {
      if (request === this.#requested) this.#become({ hasFailed: true });
    }
  }

  #become({ all = this.all, isLoading = false, hasFailed = false }) {
    Object.assign(this, { all, isLoading, hasFailed });
    this.emit("changed");
  }
}
