// SPDX-License-Identifier: Apache-2.0

import { restAddress } from "./addresses.js";
import { parseJSON } from "./utils.js";

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

  halls = async () => (await this.#request("GET", "halls")).halls;
  openHalls = async () => (await this.#request("GET", "halls?scope=open")).halls;
  createHall = async (name, isPrivate) =>
    (await this.#request("POST", "halls", { name, private: isPrivate })).hall;
  joinHall = async (id) => (await this.#request("POST", "halls/join", { hall_id: id })).hall;
  leaveHall = (id) => this.#request("POST", "halls/leave", { hall_id: id });
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
