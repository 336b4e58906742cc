// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { splitContent } from "../../nginx/site/static/js/content.js";
import { beginningOf, isLong } from "../../nginx/site/static/js/folding.js";

const textOf = (parts) => parts.map(({ text, code, block }) => text ?? code ?? block).join("");

test("a message is long by its letters or by its lines", () => {
  assert.deepEqual(["x".repeat(1500), "x".repeat(1501), "x\n".repeat(23), "x\n".repeat(25)].map(isLong), [false, true, false, true]);
  assert.equal(isLong("x".repeat(4000)), true);
});

test("the beginning ends with a word, or where a text without spaces has to", () => {
  const words = "seven. ".repeat(300);
  const shown = textOf(beginningOf(splitContent(words)));
  assert.match(shown, /seven\.…$/u);
  assert.ok(shown.length > 780 && shown.length <= 801, String(shown.length));
  assert.equal(textOf(beginningOf(splitContent("x".repeat(4000)))), `${"x".repeat(800)}…`);
  assert.equal(textOf(beginningOf([{ text: "x" + "😀".repeat(1000) }])), `x${"😀".repeat(399)}…`);
});

test("no more lines are shown than there is room for, in whatever part they are", () => {
  const lines = (count) => Array.from({ length: count }, (_, index) => `line ${index}`).join("\n");
  for (const content of [lines(40), `\`\`\`\n${lines(40)}\n\`\`\``, `${lines(5)}\n\`\`\`\n${lines(40)}\n\`\`\``, "\n".repeat(40)]) {
    const shown = textOf(beginningOf(splitContent(content)));
    assert.ok(shown.split("\n").length <= 13, shown);
    assert.ok(shown.endsWith("…"));
  }
});

test("a link that is cut leads where it led", () => {
  const href = `https://example.com/${"x".repeat(3000)}`;
  const [link] = beginningOf(splitContent(href));

  assert.equal(link.href, href);
  assert.ok(link.text.length <= 801);
});
