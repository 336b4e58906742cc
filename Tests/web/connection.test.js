// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Banner } from "../../nginx/site/static/js/announcer.js";
import en from "../../nginx/site/static/js/en.js";
import { Language } from "../../nginx/site/static/js/language.js";
import { Rest, Waiting } from "../../nginx/site/static/js/server.js";
import { settled } from "./support.js";

function waitingOf(t, options) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const waiting = new Waiting(options);
  const changes = [];
  waiting.on("slow", (isSlow) => changes.push(isSlow));
  t.after(() => waiting.stop());
  return { waiting, changes };
}

test("a server that answers in time is not slow, whatever it says", async (t) => {
  const { waiting, changes } = waitingOf(t);

  const answer = waiting.watch("rest", Promise.resolve(1));
  await assert.rejects(waiting.watch("rest", Promise.reject(new Error("no"))));
  t.mock.timers.tick(60_000);

  assert.equal(await answer, 1);
  assert.deepEqual(changes, []);
});

test("a server that lets one wait is slow until it answers, and is asked meanwhile", async (t) => {
  let asked = 0;
  const { waiting, changes } = waitingOf(t, { ask: () => (asked += 1) });
  const { promise, resolve } = withResolvers();
  waiting.watch("rest", promise);

  t.mock.timers.tick(3999);
  assert.equal(waiting.isSlow, false);
  t.mock.timers.tick(1);
  assert.equal(waiting.isSlow, true);
  t.mock.timers.tick(10_000);
  assert.equal(asked, 2);
  resolve();
  await settled();
  t.mock.timers.tick(60_000);

  assert.equal(asked, 2);
  assert.deepEqual(changes, [true, false]);
});

test("who gave up waiting has no answer, and an answer of one kind is none of another", async (t) => {
  const { waiting, changes } = waitingOf(t);
  const { promise, reject } = withResolvers();
  waiting.watch("rest", promise).catch(() => {});
  t.mock.timers.tick(4000);

  reject(Object.assign(new Error("slow"), { code: "slow" }));
  await waiting.watch("send", Promise.resolve());
  await settled();
  assert.deepEqual(changes, [true]);
  await waiting.watch("rest", Promise.resolve());
  await settled();

  assert.deepEqual(changes, [true, false]);
});

test("silence has a reason: no network, no server, or one that does not answer", async (t) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  t.after(() => (before ? Object.defineProperty(globalThis, "navigator", before) : delete globalThis.navigator));
  const online = (onLine) => Object.defineProperty(globalThis, "navigator", { value: { onLine }, configurable: true });
  const codeOf = async (error) => {
    const rest = new Rest({ fetch: () => Promise.reject(error) });
    return rest.session().then(() => null, ({ code }) => code);
  };

  online(true);
  assert.equal(await codeOf(new TypeError("Failed to fetch")), "unreachable");
  assert.equal(await codeOf(new DOMException("timed out", "TimeoutError")), "slow");
  online(false);
  assert.equal(await codeOf(new TypeError("Failed to fetch")), "offline");
});

test("each request is watched", async () => {
  const watched = [];
  const fetch = async () => ({ ok: true, text: async () => '{"user":null}' });
  const rest = new Rest({ fetch, watch: (request) => (watched.push(request), request) });

  await rest.session();

  assert.equal(watched.length, 1);
});

test("the banner says that the server is slow, unless there is worse", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const element = { dataset: {}, textContent: "" };
  const banner = new Banner({ element, language: new Language("en", en) });
  const shows = () => element.dataset.state;

  banner.connectionChanged("online", "connecting");
  banner.slowChanged(true);
  assert.equal(shows(), "slow");
  assert.match(element.textContent, /slow to respond/u);
  banner.connectionChanged("offline", "connecting");
  assert.equal(shows(), "offline");
  banner.connectionChanged("limited", "offline");
  assert.equal(shows(), "slow");
  banner.slowChanged(false);
  assert.equal(shows(), "limited");
  banner.connectionChanged("online", "limited");
  assert.equal(shows(), "back");
  t.mock.timers.tick(3000);
  assert.equal(element.textContent, "");
  banner.slowChanged(true);
  banner.connectionChanged("ended", "online");
  assert.equal(element.textContent, "");
});

function withResolvers() {
  const resolvers = {};
  resolvers.promise = new Promise((resolve, reject) => Object.assign(resolvers, { resolve, reject }));
  return resolvers;
}
