// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { letterOf } from "../../nginx/site/static/js/settings.js";

test("a key that writes a Latin letter is that letter, wherever it lies", () => {
  assert.equal(letterOf({ key: "k", code: "KeyK" }), "k");
  assert.equal(letterOf({ key: "K", code: "KeyK" }), "k");
  // Dvorak writes k where others write v; AZERTY writes a comma where others write m.
  assert.equal(letterOf({ key: "k", code: "KeyV" }), "k");
  assert.equal(letterOf({ key: ",", code: "KeyM" }), null);
  assert.equal(letterOf({ key: "é", code: "Digit2" }), "é");
});

test("a key that writes a letter of another script is the one at its place on a Latin keyboard", () => {
  const keys = { Russian: "л", Greek: "κ", Hebrew: "ל", Arabic: "ن", Korean: "ㅏ", Thai: "า", Hindi: "क", Georgian: "კ" };
  for (const [layout, key] of Object.entries(keys)) assert.equal(letterOf({ key, code: "KeyK" }), "k", layout);
  assert.equal(letterOf({ key: "Л", code: "KeyK" }), "k");
  assert.equal(letterOf({ key: "\u0E35", code: "KeyU" }), "u");
});

test("a key that writes no letter is none", () => {
  for (const key of ["Enter", "ArrowUp", "Dead", "Process", "1", "/", " ", "", undefined]) {
    assert.equal(letterOf({ key, code: "KeyK" }), null, key);
  }
  assert.equal(letterOf({ key: "ж", code: "Semicolon" }), null);
  assert.equal(letterOf({ key: "ж" }), null);
});
