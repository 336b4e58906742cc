// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Members, People, hueOf, initialsOf, nameKey, pathOf, shownName } from "../../nginx/site/static/js/users.js";
import { settled } from "./support.js";

test("hues of people who follow each other lie far apart", () => {
  for (let id = 1; id < 200; id += 1) {
    const distance = Math.abs(hueOf({ id }) - hueOf({ id: id + 1 }));
    assert.ok(Math.min(distance, 360 - distance) > 90);
  }
});

test("who chose a hue has it, and what is none is no hue", () => {
  assert.equal(hueOf({ id: 1, picture: "hue:0" }), 0);
  assert.equal(hueOf({ id: 1, picture: "hue:359" }), 359);
  for (const picture of ["hue:", "hue:1000", "hue:-1", "hue:1.5", " hue:1", "/hue:1", "/media/ana.png", undefined]) {
    assert.equal(hueOf({ id: 1, picture }), 138, picture);
  }
});

test("a picture comes from our own origin or not at all", () => {
  for (const picture of ["/media/ana.png", "/a", "/media/a?b=c&d#e"]) assert.equal(pathOf({ picture }), picture);
  for (const picture of ["//evil.example/a", "/\\evil.example/a", "/\t/evil.example", "https://evil.example/a", "data:,", "hue:1", "a", "", "/ñ", "/a b", undefined]) {
    assert.equal(pathOf({ picture }), "", picture);
  }
});

test("the initials are the first letters of the first and the last word, each a whole character", () => {
  const cases = {
    "óscar": "Ó", " 陈晓明": "陈", "陈 晓明": "陈晓", "😀 fun": "😀F", "fun 😀": "F", "": "?", " ": "?", "Ana García López": "AL", "ana.garcia": "A",
    "नि क": "निक", "e\u0301mile zola": "E\u0301Z", "👩‍👩‍👧 x": "👩‍👩‍👧X", "🇪🇸": "🇪🇸", "Ana (guest)": "A", "ﬁ": "FI",
  };
  for (const [name, initials] of Object.entries(cases)) assert.equal(initialsOf(name), initials, name);
  assert.equal(initialsOf(`a${"\u0301".repeat(3000)} b`), `Á${"\u0301".repeat(3)}B`.normalize("NFD"));
});

test("names that look the same but for form, case and what does not show have the same key, others have not", () => {
  const key = nameKey("Ana García");
  for (const name of ["ana garcía", "ANA GARCÍA", "Ana Garci\u0301a", "Ａｎａ García", "An\u200Da García", "Ana\u00A0García"]) {
    assert.equal(nameKey(name), key, name);
  }
  assert.equal(nameKey("Straße"), nameKey("STRASSE"));
  assert.equal(nameKey("ΣΑΣ"), nameKey("σας"));
  for (const name of ["Ana Garcia", "AnaGarcía", "Ana García 2"]) assert.notEqual(nameKey(name), key, name);
});

test("a name keeps the marks that languages use, and no tower of them", () => {
  for (const name of ["Ana", "Nguye\u0302\u0303n", "ก็ดี", "שָׁלוֹם", "مُحَمَّدٌ", "बद्री", "❤️", "1️⃣"]) assert.equal(shownName(name), name);
  assert.equal(shownName(`a${"\u0300".repeat(300)}b${"\u0323".repeat(5)}`), `a${"\u0300".repeat(4)}b${"\u0323".repeat(4)}`);
  assert.equal(shownName(`a${"\u0300\u200D".repeat(300)}b`), `a${"\u0300\u200D".repeat(4)}b`);
});

test("of two halls the members of the one asked for last are shown, and a hall that was left has none", async () => {
  const answers = new Map();
  const taken = [];
  const people = { take: (users) => taken.push(users.length) };
  const members = new Members({ people, rest: { members: (id) => new Promise((resolve, reject) => answers.set(id, { resolve, reject })) } });
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

  assert.deepEqual(taken, [2]);
  assert.deepEqual(seen, [
    [1, null, true, false], [2, null, true, false], [2, 2, false, false], [2, 2, true, false], [2, 2, false, true],
    [null, null, false, false],
  ]);
});

const ana = { id: 1, username: "ana", name: "Ana García", version: 2 };
const ben = { id: 2, username: "ben", name: "Ben", version: 1 };

/** People over a server that knows `users`; what it is asked for is kept. */
function peopleOf(t, users = [], refuse = () => null) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = [];
  const rest = {
    users: async (ids, versions) => {
      asked.push({ ids, versions });
      const error = refuse();
      if (error) throw error;
      return users.filter((user) => ids.includes(user.id) && versions[ids.indexOf(user.id)] !== user.version);
    },
  };
  const people = new People({ rest, user: { id: 9, username: "me", name: "me", version: 0 } });
  let changes = 0;
  people.on("changed", () => (changes += 1));
  const pass = async (milliseconds = 50) => {
    t.mock.timers.tick(milliseconds);
    await settled();
  };
  return { people, asked, users, pass, changes: () => changes };
}

test("who is not known goes by the username until they are, and all are asked for at once, each once", async (t) => {
  const { people, asked, pass, changes } = peopleOf(t, [ana, ben]);

  for (const [id, username] of [[1, "ana"], [2, "ben"], [1, "ana"], [3, "gone"]]) assert.equal(people.of(id, username).name, username);
  await pass();

  assert.deepEqual(asked, [{ ids: [1, 2, 3], versions: [] }]);
  assert.equal(changes(), 1);
  assert.equal(people.of(1, "ana").name, "Ana García");
  assert.equal(people.of(3, "gone").name, "gone");
  await pass();
  assert.equal(asked.length, 1);
});

test("more than a hundred are asked for in several requests", async (t) => {
  const { people, asked, pass } = peopleOf(t);

  for (let id = 100; id < 350; id += 1) people.of(id, `p${id}`);
  await pass();

  assert.deepEqual(asked.map(({ ids }) => ids.length), [100, 100, 50]);
  assert.equal(new Set(asked.flatMap(({ ids }) => ids)).size, 250);
});

test("of two copies of a person the newer counts, in whatever order they come", async (t) => {
  const { people, changes } = peopleOf(t);

  people.take([{ ...ana, version: 3, name: "new" }]);
  people.take([{ ...ana, version: 2, name: "old" }, { ...ana, version: 3, name: "the same" }]);

  assert.equal(people.of(1, "ana").name, "new");
  assert.equal(changes(), 1);
});

test("I am among the people, and am never forgotten", (t) => {
  const { people } = peopleOf(t);

  people.take([{ id: 9, username: "me2", name: "Me", version: 1 }]);
  people.take(Array.from({ length: 10_000 }, (_, index) => ({ id: 100 + index, username: `p${index}`, name: `p${index}`, version: 0 })));

  assert.equal(people.me.name, "Me");
  assert.equal(people.me.username, "me2");
});

test("of very many people those who were seen last are known, and who was forgotten is asked for again", async (t) => {
  const many = Array.from({ length: 5000 }, (_, index) => ({ id: 100 + index, username: `p${index}`, name: `Person ${index}`, version: 1 }));
  const { people, asked, pass } = peopleOf(t, many);
  people.of(100, "p0");
  await pass();

  people.take(many.slice(1));
  assert.equal(people.of(5099, "p4999").name, "Person 4999");
  assert.equal(people.of(100, "p0").name, "p0");
  await pass();

  assert.deepEqual(asked.map(({ ids }) => ids), [[100], [100]]);
  assert.equal(people.of(100, "p0").name, "Person 0");
});

test("over a new connection all who are known are asked for with their versions, those in sight first", async (t) => {
  const { people, asked, users, pass } = peopleOf(t, []);
  const many = Array.from({ length: 150 }, (_, index) => ({ id: 100 + index, username: `p${index}`, name: `p${index}`, version: index }));
  people.take(many);
  users.push({ ...many[3], name: "Renamed", version: 500 });

  people.refresh([103, 7]);
  await pass();

  assert.deepEqual(asked.map(({ ids, versions }) => [ids.length, versions.length]), [[100, 100], [1, 0], [51, 51]]);
  assert.equal(asked[0].ids[0], 103);
  assert.equal(asked[0].versions[0], 3);
  assert.deepEqual(asked[1].ids, [7]);
  assert.equal(people.of(103, "p3").name, "Renamed");
});

test("a message with another username than the one known is a reason to ask, once", async (t) => {
  const { people, asked, users, pass } = peopleOf(t, []);
  people.take([ana]);
  assert.equal(people.of(1, "ana").name, "Ana García");
  users.push({ ...ana, username: "anna", version: 4 });

  for (let count = 0; count < 3; count += 1) {
    people.of(1, "anna");
    await pass();
  }

  assert.deepEqual(asked, [{ ids: [1], versions: [2] }]);
  assert.equal(people.of(1, "ana").username, "anna");
});

test("a server of before people had names is asked once, and everybody goes by the username", async (t) => {
  const { people, asked, pass } = peopleOf(t, [], () => Object.assign(new Error("not_found"), { status: 404 }));

  for (let id = 100; id < 300; id += 1) people.of(id, `p${id}`);
  await pass();
  people.refresh([1]);
  people.of(1, "ana");
  people.take([{ id: 1, username: "ana" }]);
  await pass(60_000);

  assert.equal(asked.length, 1);
  const { name, handle } = people.of(1, "ana");
  assert.deepEqual({ name, handle }, { name: "ana", handle: "" });
});

test("where the server does not answer it is asked again, and with a new connection at once", async (t) => {
  let error = Object.assign(new Error("offline"), { status: 0 });
  const { people, asked, pass } = peopleOf(t, [ana], () => error);
  people.of(1, "ana");
  await pass();
  await pass(7000);
  assert.equal(asked.length, 2);

  error = null;
  people.refresh([1]);
  await pass();

  assert.equal(people.of(1, "ana").name, "Ana García");
  await pass(60_000);
  assert.equal(asked.length, 4);
});

test("what the server refuses is not asked again, and after the end nothing is", async (t) => {
  const { people, asked, pass } = peopleOf(t, [], () => Object.assign(new Error("invalid_request"), { status: 400 }));
  people.of(1, "ana");
  await pass();
  await pass(60_000);
  assert.equal(asked.length, 1);

  people.of(2, "ben");
  people.stop();
  people.of(3, "eva");
  await pass(60_000);

  assert.equal(asked.length, 1);
});

test("who could be taken for somebody else by the name is shown with the username", (t) => {
  const { people } = peopleOf(t);
  const handleOf = ({ id, username }) => people.of(id, username).handle;
  people.take([ana, ben]);
  assert.deepEqual([ana, ben].map(handleOf), ["", ""]);

  const other = { id: 3, username: "ana2", name: "ＡＮＡ García", version: 0 };
  people.take([other]);
  assert.deepEqual([ana, other, ben].map(handleOf), ["@ana", "@ana2", ""]);

  // The username of somebody who goes by another name is a name, too.
  people.take([{ ...other, name: "BEN", version: 1 }, { ...ben, name: "Benjamin", version: 2 }]);
  assert.deepEqual([ana, other, ben].map(handleOf), ["", "@ana2", ""]);
  // Also where one of the two is not known.
  assert.equal(people.of(44, "benjamin").handle, "@benjamin");
});
