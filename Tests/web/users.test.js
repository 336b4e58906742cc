// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Members, initialOf, personHue, shownName } from "../../nginx/site/static/js/users.js";

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

test("a name keeps the marks that languages use, and no tower of them", () => {
  for (const name of ["Ana", "Nguye\u0302\u0303n", "ก็ดี", "שָׁלוֹם", "مُحَمَّدٌ", "बद्री", "❤️", "1️⃣"]) assert.equal(shownName(name), name);
  assert.equal(shownName(`a${"\u0300".repeat(300)}b${"\u0323".repeat(5)}`), `a${"\u0300".repeat(4)}b${"\u0323".repeat(4)}`);
  assert.equal(shownName(`a${"\u0300\u200D".repeat(300)}b`), `a${"\u0300\u200D".repeat(4)}b`);
});

test("of two halls the members of the one asked for last are shown, and a hall that was left has none", async () => {
  const answers = new Map();
  const members = new Members({ rest: { members: (id) => new Promise((resolve, reject) => answers.set(id, { resolve, reject })) } });
  const seen = [];
  members.on("changed", () => seen.push([members.hallId, members.all?.length ?? null, members.isLoading, members.hasFailed]));

  const first = members.follow(1);
  const second = members.follow(2);
  answers.get(2).resolve([{ id: 1 }, { id: 2 }]);
  answers.get(1).resolve([{ id: 1 }]);
  await Promise.all([first, second]);
  const again = members.load();
  answers.get(2).reject(new Error("unreachable"));
  await again;
  await members.follow(null);

  assert.deepEqual(seen, [
    [1, null, true, false], [2, null, true, false], [2, 2, false, false], [2, 2, true, false], [2, 2, false, true],
    [null, null, false, false],
  ]);
});
