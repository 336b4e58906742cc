// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Emitter, SafeStorage, dayNumber, foldText, newClientKey, textLength, writtenText,
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

test("what was written is sent as it is, but for empty lines at both ends", () => {
  for (const text of ["a", "  if (x)\n    y", "\tx", "\u3000\u3000第一", "\u00A0a", "a  ", "a\u3000", "a\n\n\nb", "\u200Ba", "👍", "\uFEFFa"]) {
    assert.equal(writtenText(text), text, JSON.stringify(text));
  }
  assert.equal(writtenText("\n \t\n  a\n\n b \n \n\u3000\n"), "  a\n\n b ");
  for (const text of ["", " ", "\n\n", "\u3000\u00A0\t", "\u200B", "\u2800\n\u2060", "\u3164"]) {
    assert.equal(writtenText(text), "", JSON.stringify(text));
  }
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

test("filters ignore case and accents", () => {
  assert.equal(foldText("DISEÑO"), foldText("diseno"));
  assert.ok(foldText("Música en vivo").includes(foldText("MUSICA")));
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
