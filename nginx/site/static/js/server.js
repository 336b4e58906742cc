// SPDX-License-Identifier: Apache-2.0

// The server: where it is, its REST interface, whether it can be reached.

import { Emitter, jittered, parseJSON } from "./utils.js";

// Where everything is. No other file of the page names a path from the root: the chat lies beside its chat.html, at the
// root of a host or in a folder below it.

/** The folder of chat.html as a path, from the address of a file of the page: all of those lie in its folder `static`. */
export function rootOf(fileAddress) {
  const { pathname } = new URL(fileAddress);
  return pathname.slice(0, pathname.lastIndexOf("/static/") + 1);
}

const root = rootOf(import.meta.url);

/** What tells this chat from others of the host in what the browser keeps; at the root of a host nothing has to. */
export const folder = root === "/" ? "" : root;

const restAddress = `${root}chat/`;

export const socketAddress = `${root}socket.io/`;

/** `#/halls/3` → `{hallId: 3}`, `#/halls/3/members` → `{hallId: 3, members: true}`, anything else → `{}`. */
export function parseAddress(hash) {
  const match = /^#\/halls\/([1-9]\d{0,15})(\/members)?$/u.exec(hash);
  return match ? { hallId: Number(match[1]), members: Boolean(match[2]) } : {};
}

export function hallAddress(hallId, { members = false } = {}) {
  return `#/halls/${hallId}${members ? "/members" : ""}`;
}

/**
 * What the server said no with; or why it said nothing: "offline" without a network, "unreachable" where there is one,
 * "slow" if it let us wait too long.
 */
export class RequestError extends Error {
  constructor(code, { status = 0, problem = {}, retryAfter } = {}) {
    super(code);
    this.code = code;
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** The REST half of docs/protocol.md, one method a route. */
export class Rest {
  #fetch;
  #watch;

  /** `watch` hears of each request. */
  constructor({ fetch = (...values) => globalThis.fetch(...values), watch = (request) => request } = {}) {
    this.#fetch = fetch;
    this.#watch = watch;
  }

  /** Who I am, `user: null` for nobody, and how one can come in. */
  session = () => this.#request("GET", "session");
  register = (username, password) => this.#request("POST", "register", { username, password });
  login = (username, password) => this.#request("POST", "login", { username, password });
  logout = () => this.#request("POST", "logout", {});

  /** With the versions that are known, only those who have another. */
  users = async (ids, versions) =>
    (await this.#request("GET", `users?ids=${ids}${versions.length > 0 ? `&versions=${versions}` : ""}`)).users;
  changeMe = async (profile) => (await this.#request("PATCH", "me", profile)).user;

  halls = async () => (await this.#request("GET", "halls")).halls;
  openHalls = async () => (await this.#request("GET", "halls?scope=open")).halls;
  createHall = async (name, isPrivate) =>
    (await this.#request("POST", "halls", { name, private: isPrivate })).hall;
  joinHall = async (id) => (await this.#request("POST", "halls/join", { hall_id: id })).hall;
  leaveHall = (id) => this.#request("POST", "halls/leave", { hall_id: id });
  /** `keepalive`: the page is left, and the request outlives it. */
  markRead = (id, rev, { keepalive = false } = {}) => this.#request("POST", `halls/${id}/read`, { rev }, { keepalive });
  setTopic = async (id, topic) => (await this.#request("PATCH", `halls/${id}`, { topic })).hall;
  members = async (id) => (await this.#request("GET", `halls/${id}/members`)).members;

  messages = (hallId) => this.#request("GET", `messages/${hallId}`);
  messagesBefore = (hallId, id) => this.#request("GET", `messages/${hallId}?before=${id}`);
  messagesSince = (hallId, rev, change) => this.#request(
    "GET", `messages/${hallId}?since_rev=${rev}${change === undefined ? "" : `&since_change=${change}`}`,
  );
  send = async (hallId, content, key) =>
    (await this.#request("POST", `messages/${hallId}`, { content, client_key: key })).message;

  editMessage = async (hallId, id, content) =>
    (await this.#request("PATCH", `messages/${hallId}/${id}`, { content })).message;
  /** `keepalive`: the page is left, and the request outlives it. */
  deleteMessage = async (hallId, id, { keepalive = false } = {}) =>
    (await this.#request("DELETE", `messages/${hallId}/${id}`, null, { keepalive })).message;

  #request(method, path, body, more) {
    return this.#watch(this.#ask(method, path, body, more));
  }

  async #ask(method, path, body, more) {
    // no-cache: what the browser has is used only after the server said that it is still so, and still mine to see.
    const options = { method, headers: { Accept: "application/json" }, cache: "no-cache", credentials: "same-origin", ...more };
    if (body) {
      options.headers["Content-Type"] = "application/json";
      options.body = JSON.stringify(body);
    }
    // A network that swallows packets must not leave the page waiting for ever.
    options.signal = AbortSignal.timeout?.(15_000);
    let response;
    let text;
    try {
      response = await this.#fetch(restAddress + path, options);
      text = await response.text();
    } catch (error) {
      throw new RequestError(silence(error));
    }
    if (response.ok && text === "") return null;
    const value = parseJSON(text);
    if (response.ok && value !== null) return value;
    throw errorOf(response, value ?? {});
  }
}

function silence({ name }) {
  if (globalThis.navigator?.onLine === false) return "offline";
  return name === "TimeoutError" ? "slow" : "unreachable";
}

function errorOf(response, problem) {
  const retryAfter = Number(problem.retry_after ?? response.headers.get("Retry-After")) || undefined;
  const { status } = response;
  // nginx answers for a backend that is not there, without our code.
  const code = problem.code ?? ({ 401: "unauthenticated", 429: "rate_limited", 413: "too_large" }[status] ?? "internal");
  return new RequestError(code, { status, problem, retryAfter });
}

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
