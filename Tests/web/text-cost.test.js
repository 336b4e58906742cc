// SPDX-License-Identifier: Apache-2.0

// What strangers write must not cost more than its length: every function of the page that reads text is given every
// character that means something to one of them, repeated and mixed, longer and longer. Compared is the processor's
// time, so that a busy machine changes nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../nginx/site/static/js/server.js";
import { beginningOf, isEmojiOnly, isLong, splitContent, splitLinks } from "../../nginx/site/static/js/content.js";
import { deletedSentence } from "../../nginx/site/static/js/message-view.js";
import { HallHistory, layoutRows } from "../../nginx/site/static/js/messages.js";
import en from "../../nginx/site/static/js/en.js";
import { Language } from "../../nginx/site/static/js/language.js";
import { decodePacket } from "../../nginx/site/static/js/socket.js";
import { initialsOf, nameKey, pathOf, shownName } from "../../nginx/site/static/js/users.js";
import { foldText, textLength, writtenText } from "../../nginx/site/static/js/utils.js";

/** Small first: what grows with a power of two is found before it takes for ever. */
const lengths = [16, 24, 32, 48, 64, 96, 128, 192, 256, 500, 1000, 2000, 4000];
/** Twice the length may cost three times as much, and this much is nothing: microseconds. */
const growthMax = 3;
const floor = 500;
const repetitions = 5;
/** A machine that others use may cost a reading more than itself: what looks like too much is looked at again. */
const doubts = 4;

const language = new Language("en", en);
const message = (content) => ({ id: 1, rev: 1, sender_id: 1, username: content, content, created_at: "2026-11-27T10:00:00Z" });
const readers = {
  isEmojiOnly,
  splitContent,
  splitLinks,
  isLong,
  beginningOf: (text) => [beginningOf([{ text }]), beginningOf(splitContent(text))],
  foldText,
  initialsOf,
  nameKey,
  pathOf: (text) => pathOf({ picture: `/${text}` }),
  shownName,
  textLength,
  writtenText,
  parseAddress,
  parseHallAddress: (text) => parseAddress(`#/halls/1${text}`),
  decodePacket: (text) => {
    try {
      return decodePacket(`2${text}`);
    } catch {
      return null;
    }
  },
  layoutRows: (text) => layoutRows([message(text), message(`${text}.`)]),
  history: (text) => new HallHistory().load({ messages: [message(text)], rev: 1, has_more: false }),
  deleted: (text) => deletedSentence({ message: { deleted: "sender" }, person: { name: text, handle: text } }, language),
  sentence: (text) => language.t("says", { name: text, content: text }),
  compare: (text) => language.compare(text, `${text}a`),
};

/** One of each kind that a pattern or the segmentation of text treats apart. */
const pieces = [
  // Code, links and what ends or may end them.
  "`", "```", "\n", "\r\n", " ", "\u00A0", "\u3000", "http://", "https://a.example/", "https://", "://", "@", "/", "#", "%", "-",
  "(", ")", "[", "]", "{", "}", "<", ">", '"', "'", ".", ",", ";", ":", "!", "?", "*", "_", "~", "…", "“", "”", "«", "»", "’",
  "›", "、", "。", "｡", "「", "」", "｣", "·", "،", "؟", "۔", "।", "\u202E", "\u2066", "\uFF0F",
  // Letters: plain, of other scripts, with a case that depends on what is around them, composed, with marks.
  "a", "0", "ж", "ش", "陈", "각", "ᄀ", "Σ", "İ", "ß", "ǖ", "\u0301", "\u0323", "\u0E31", "ก", "\u093F", "\u3099",
  // Emoji: modifier, base, base that is text by default, by default a picture, a word, joined, selected, keycap, flag, tag.
  "🏽", "👍", "☝", "😀", "©", "❤", "👩\u200D", "\u200D", "\uFE0E", "\uFE0F", "\u20E3", "1\u20E3", "🇪", "🏴", "\u{E0067}",
  "\u{E007F}",
  // Halves of a character.
  "\uD83D", "\uDC4D",
];
const frames = [["", ""], ["👍", "x"], ["https://a.example/", "x"], ["https://", ".example"], ["`", "x"], ["```", "```"], ["a", "\n"]];

/** The same sequence in every run. */
function* randomNumbers(seed) {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

function* units() {
  const random = randomNumbers(20261127);
  const one = (list) => list[Math.floor(random.next().value * list.length)];
  for (const piece of pieces) for (const frame of frames) yield [piece, frame];
  // Repeated, ab is ba but for its ends.
  for (const [index, first] of pieces.entries()) {
    for (const second of pieces.slice(index + 1)) yield [first + second, one(frames)];
  }
  for (let count = 0; count < 1500; count += 1) yield [one(pieces) + one(pieces) + one(pieces), one(frames)];
}

function textOf(unit, [before, after], length) {
  const room = Math.max(0, length - before.length - after.length);
  return before + unit.repeat(Math.ceil(room / unit.length)).slice(0, room) + after;
}

function costOf(read, text) {
  const before = process.cpuUsage();
  read(text);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** The least of several, but for what costs nothing the first time. */
function leastCost(read, text) {
  let least = costOf(read, text);
  for (let count = 1; count < repetitions && least > floor; count += 1) least = Math.min(least, costOf(read, text));
  return least;
}

/** The first length whose cost is out of proportion to that of half of it, or null. */
function tooMuch(read, unit, frame) {
  const costs = new Map();
  for (const length of lengths) {
    const cost = leastCost(read, textOf(unit, frame, length));
    costs.set(length, cost);
    const half = costs.get(length / 2) ?? 0;
    if (cost > growthMax * Math.max(floor, half) && isSurely(read, unit, frame, length)) {
      return `${cost} µs at ${length}, ${half} µs at half of it`;
    }
  }
  return null;
}

function isSurely(read, unit, frame, length) {
  for (let count = 0; count < doubts; count += 1) {
    const half = Math.max(floor, leastCost(read, textOf(unit, frame, length / 2)));
    if (leastCost(read, textOf(unit, frame, length)) <= growthMax * half) return false;
  }
  return true;
}

for (const [name, read] of Object.entries(readers)) {
  test(`${name} costs no more than the length of what it reads`, () => {
    for (const [unit, frame] of units()) {
      const found = tooMuch(read, unit, frame);
      assert.equal(found, null, `${JSON.stringify(frame[0])} ${JSON.stringify(unit)}… ${JSON.stringify(frame[1])}`);
    }
  });
}

test("a pattern with two ways to read the same text is found, and what looks at each pair of characters", () => {
  // Each skin tone ends what was repeated or goes on with it: forty of them can be read in 2⁴⁰ ways.
  const twoWays = /^(?:👍|🏽+)+$/u;
  const found = (read) => {
    for (const [unit, frame] of units()) {
      const what = tooMuch(read, unit, frame);
      if (what !== null) return what;
    }
    return "nothing";
  };
  const pairs = (text) => {
    let count = 0;
    for (let left = 0; left < text.length; left += 1) {
      for (let right = 0; right < text.length; right += 1) count += Number(text.charCodeAt(left) < text.charCodeAt(right));
    }
    return count;
  };

  assert.match(found((text) => twoWays.test(text)), /µs at/u);
  assert.match(found(pairs), /µs at/u);
});
