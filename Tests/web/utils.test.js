// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Emitter, SafeStorage, dayNumber, foldText, hallAddress, initialOf, isEmojiOnly, newClientKey, parseAddress, personHue,
  splitContent, splitLinks, textLength,
} from "../../nginx/site/static/js/utils.js";

test("an emitter survives handlers that remove themselves", () => {
  const emitter = new Emitter();
  const seen = [];
  const first = (value) => {
    seen.push(`first ${value}`);
    emitter.off("x", first);
  };
  emitter.on("x", first).on("x", (value) => seen.push(`second ${value}`)).once("x", (value) => seen.push(`once ${value}`));

  emitter.emit("x", 1).emit("x", 2);

  assert.deepEqual(seen, ["first 1", "second 1", "once 1", "second 2"]);
});

test("a handler added by once can be taken away by off", () => {
  const emitter = new Emitter();
  const handler = () => assert.fail("it was taken away");

  emitter.once("x", handler).off("x", handler).emit("x");
});

test("a client key has the form the protocol asks for and is another each time", () => {
  const keys = new Set(Array.from({ length: 500 }, () => newClientKey()));

  assert.equal(keys.size, 500);
  for (const key of keys) assert.match(key, /^[A-Za-z0-9_-]{22}$/u);
});

test("length counts code points", () => {
  assert.equal(textLength(""), 0);
  assert.equal(textLength("añ"), 2);
  assert.equal(textLength("👍🏽"), 2);
});

test("days differ by one across the changes of the clock", () => {
  const before = process.env.TZ;
  for (const zone of ["Europe/Madrid", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "UTC"]) {
    process.env.TZ = zone;
    for (let day = 1; day < 366; day += 1) {
      const late = new Date(2026, 0, day, 23, 59);
      const early = new Date(2026, 0, day + 1, 0, 1);
      assert.equal(dayNumber(early) - dayNumber(late), 1, `${zone}, day ${day}`);
    }
  }
  process.env.TZ = before ?? "UTC";
});

test("hues of people who follow each other lie far apart", () => {
  for (let id = 1; id < 200; id += 1) {
    const distance = Math.abs(personHue(id) - personHue(id + 1));
    assert.ok(Math.min(distance, 360 - distance) > 90);
  }
});

test("the initial is a whole character", () => {
  assert.equal(initialOf("óscar"), "Ó");
  assert.equal(initialOf(" 陈晓明"), "陈");
  assert.equal(initialOf("😀 fun"), "😀");
  assert.equal(initialOf(""), "?");
});

test("filters ignore case and accents", () => {
  assert.equal(foldText("DISEÑO"), foldText("diseno"));
  assert.ok(foldText("Música en vivo").includes(foldText("MUSICA")));
});

test("emoji-only messages are told from text", () => {
  for (const text of ["👍", "🎉🎉🎉", "❤️", "👩‍👩‍👧‍👦", "🇪🇸 🇲🇽", "👍🏽", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", " 😀\n"]) assert.ok(isEmojiOnly(text), text);
  for (const text of ["", " ", "1", "12", "#", "ok 👍", "©", "→", "a", "😀".repeat(9)]) assert.ok(!isEmojiOnly(text), text);
});

test("emoji-only costs little on hostile text", () => {
  const start = performance.now();
  isEmojiOnly(`${"👍 ".repeat(66)}x`);
  isEmojiOnly("👩‍".repeat(66));
  isEmojiOnly("1".repeat(100_000));

  assert.ok(performance.now() - start < 100);
});

const hrefs = (text) => splitLinks(text).filter(({ href }) => href).map(({ text: shown }) => shown);

test("links are found without the punctuation around them", () => {
  assert.deepEqual(hrefs("see https://example.org/a, or (http://b.example/c)."), ["https://example.org/a", "http://b.example/c"]);
  assert.deepEqual(hrefs("https://en.wikipedia.org/wiki/Hall_(concert)"), ["https://en.wikipedia.org/wiki/Hall_(concert)"]);
  assert.deepEqual(hrefs("会议：https://meet.example/room。好"), ["https://meet.example/room"]);
  assert.deepEqual(hrefs("¿https://example.org/?q=1&b=2?"), ["https://example.org/?q=1&b=2"]);
});

test("only http and https become links", () => {
  assert.deepEqual(hrefs("javascript:alert(1) data:text/html,x ftp://x.example mailto:a@b.example //x.example"), []);
  assert.deepEqual(hrefs("https:// http://"), []);
});

test("a character that turns the direction ends a link", () => {
  assert.deepEqual(hrefs("https://example.org/\u202Egpj.exe"), ["https://example.org/"]);
});

test("nothing of the text is lost", () => {
  for (const text of ["", "a", "https://a.example", "x https://a.example. y https://b.example)", "no\nlinks\n"]) {
    assert.equal(splitLinks(text).map((part) => part.text).join(""), text);
  }
});

test("code is told from text, and no link is made in it", () => {
  assert.deepEqual(splitContent("run `npm test` now"), [{ text: "run " }, { code: "npm test" }, { text: " now" }]);
  assert.deepEqual(splitContent("a\n```js\nlet x = 1;\n```\nb"), [{ text: "a\n" }, { block: "let x = 1;" }, { text: "b" }]);
  assert.deepEqual(splitContent("`https://a.example`"), [{ code: "https://a.example" }]);
  assert.deepEqual(splitContent("``` not closed"), [{ text: "``` not closed" }]);
});

test("addresses go there and back", () => {
  assert.deepEqual(parseAddress(hallAddress(3)), { hallId: 3, members: false });
  assert.deepEqual(parseAddress(hallAddress(3, { members: true })), { hallId: 3, members: true });
  for (const hash of ["", "#/", "#/halls/", "#/halls/0", "#/halls/-1", "#/halls/3x", "#/halls/3/other"]) {
    assert.deepEqual(parseAddress(hash), {});
  }
});

test("a storage that throws is an empty one", () => {
  const storage = new SafeStorage({
    getItem() { throw new Error("forbidden"); },
    setItem() { throw new Error("full"); },
    removeItem() { throw new Error("forbidden"); },
  });

  storage.set("a", 1);
  storage.remove("a");

  assert.equal(storage.get("a"), null);
  assert.equal(new SafeStorage(null).get("a"), null);
  assert.deepEqual(new SafeStorage(null).keys("a"), []);
});

test("a link with thousands of brackets after it costs no more than its length", () => {
  const brackets = ")".repeat(200_000);
  const began = performance.now();

  const [link, rest] = splitLinks(`https://a.example/(b)${brackets}`);

  assert.deepEqual([link.text, rest.text.length], ["https://a.example/(b)", 200_000]);
  assert.ok(performance.now() - began < 2000);
});
