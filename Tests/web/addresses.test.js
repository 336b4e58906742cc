// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { hallAddress, parseAddress, rootOf } from "../../nginx/site/static/js/server.js";

const site = new URL("../../nginx/site/", import.meta.url);
const read = (path) => readFileSync(new URL(path, site), "utf8");

test("the root is the folder of chat.html, wherever that lies and whatever version its files have", () => {
  for (const [address, root] of [
    ["https://chat.example/static/js/server.js", "/"],
    ["http://127.0.0.1:8080/static/halls/0123456789abcdef/js/server.js", "/"],
    ["https://www.example/community/static/js/server.js", "/community/"],
    ["https://www.example/a/b/static/halls/0123456789abcdef/js/server.js?x", "/a/b/"],
    ["https://www.example/static/chat/static/js/server.js", "/static/chat/"],
  ]) assert.equal(rootOf(address), root, address);
});

test("no file of the page but server.js names a path from the root of the host", () => {
  const scripts = readdirSync(new URL("static/js/", site)).filter((name) => name !== "server.js");
  const styles = readdirSync(new URL("static/css/", site));
  const paths = ["chat.html", ...scripts.map((name) => `static/js/${name}`), ...styles.map((name) => `static/css/${name}`)];
  for (const path of paths) {
    // A string that begins with a slash and goes on; an address in a style may stand without quotes.
    assert.equal(/["'`]\/[\w.$-]+[/"'`?#]|url\(\//u.exec(read(path))?.[0], undefined, path);
    assert.doesNotMatch(read(path), /\/(?:chat|socket\.io)\/|\/static\//u, path);
  }
});

test("addresses go there and back", () => {
  assert.deepEqual(parseAddress(hallAddress(3)), { hallId: 3, members: false });
  assert.deepEqual(parseAddress(hallAddress(3, { members: true })), { hallId: 3, members: true });
  for (const hash of ["", "#/", "#/halls/", "#/halls/0", "#/halls/-1", "#/halls/3x", "#/halls/3/other"]) {
    assert.deepEqual(parseAddress(hash), {});
  }
});
