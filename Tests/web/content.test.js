// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { beginningOf, isEmojiOnly, isLong, splitContent, splitLinks } from "../../nginx/site/static/js/content.js";

test("emoji-only messages are told from text", () => {
  for (const text of ["👍", "🎉🎉🎉", "❤️", "👩‍👩‍👧‍👦", "🇪🇸 🇲🇽", "👍🏽", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", " 😀\n"]) assert.ok(isEmojiOnly(text), text);
  for (const text of ["", " ", "1", "12", "#", "ok 👍", "©", "→", "a", "😀".repeat(9)]) assert.ok(!isEmojiOnly(text), text);
});

test("a modifier that follows another is an emoji of its own, and what is half of one is none", () => {
  for (const text of ["☝🏽", "🏽", "👍🏽🏽", "🕵🏽\u200D♀️", "👩‍❤‍👩", "©️", "🏴"]) assert.ok(isEmojiOnly(text), text);
  for (const text of ["\u200D", "👍\u200D", "👍\uFE0E", "\uFE0F", "1\uFE0F", "🏽".repeat(9), "🏴\u{E0067}", "\uD83D"]) {
    assert.ok(!isEmojiOnly(text), JSON.stringify(text));
  }
});

test("a thumb with a hundred modifiers and a letter is read at once", () => {
  for (const count of [30, 50, 90]) assert.ok(!isEmojiOnly(`👍${"🏽".repeat(count)}x`));
});

const hrefs = (text) => splitLinks(text).filter(({ href }) => href).map(({ text: shown }) => shown);

test("links are found without the punctuation around them", () => {
  assert.deepEqual(hrefs("see https://example.org/a, or (http://b.example/c)."), ["https://example.org/a", "http://b.example/c"]);
  assert.deepEqual(hrefs("https://en.wikipedia.org/wiki/Hall_(concert)"), ["https://en.wikipedia.org/wiki/Hall_(concert)"]);
  assert.deepEqual(hrefs("会议：https://meet.example/room。好"), ["https://meet.example/room"]);
  assert.deepEqual(hrefs("¿https://example.org/?q=1&b=2?"), ["https://example.org/?q=1&b=2"]);
});

test("what closes around a link is not part of it, in any language", () => {
  const link = "https://a.example/a";
  const around = [
    ["“", "”"], ["«", "»"], ["»", "«"], ["„", "“"], ["‘", "’"], ["‹", "›"], ["'", "'"], ["(", ")"], ["[", "]"], ["｢", "｣"],
    ["⟨", "⟩"], ["*", "*"], ["_", "_"], ["¿", "?"], ["(«", "».)"],
  ];
  for (const [before, after] of around) {
    assert.deepEqual(hrefs(`${before}${link}${after}`), [link], before);
    assert.deepEqual(hrefs(`${before}${link}${after}, ${link}.`), [link, link], before);
  }
  for (const after of [..."،؟۔।·…‥—!?.,:;"]) assert.deepEqual(hrefs(`${link}${after} b`), [link], after);
  // Chinese goes on without a space.
  assert.deepEqual(hrefs(`“${link}”然后`), [link]);
});

test("what opened in a link closes in it", () => {
  for (const path of ["(b)", "(b(c))", "[b]", "{b}", "“b”", "«b»", "l’été", "a·b", "b.c", "?q=a,b;c:d!e", "ب،ب", "(b).c", "⟨b⟩"]) {
    assert.deepEqual(hrefs(`https://a.example/${path}`), [`https://a.example/${path}`], path);
  }
  assert.deepEqual(hrefs("(https://a.example)(https://b.example)"), ["https://a.example", "https://b.example"]);
  assert.deepEqual(hrefs("https://a.example/(b"), ["https://a.example/(b"]);
  assert.deepEqual(hrefs("https://a.example/b( https://[::1]/c]"), ["https://a.example/b", "https://[::1]/c"]);
});

test("the host is told where a link leads elsewhere than it seems to", () => {
  const host = (link) => splitLinks(link).find(({ href }) => href).host;
  const hidden = {
    "https://bank.example@evil.example/": "evil.example",
    "https://user:pass@evil.example": "evil.example",
    "https://bank.example%2F@evil.example": "evil.example",
    "https://p\u0430ypal.com/": "xn--pypal-4ve.com",
    "https://\u0430\u0440\u0440\u04CF\u0435.com/": "xn--80ak6aa92e.com",
    "https://g\u0131thub.com": "xn--gthub-n4a.com",
    "https://exa%6Dple.org": "example.org",
    "https://\uFF45xample.org": "example.org",
    "http://0x7f.1/": "127.0.0.1",
    "https:////evil.example/bank.example": "evil.example",
  };
  for (const [link, expected] of Object.entries(hidden)) assert.equal(host(link), expected, link);
  const plain = [
    "https://a.example/b@c", "https://EXAMPLE.org:8443/", "http://[::1]:80/", "https://a.example?x=@b", "https://müller.de",
    "https://пример.рф", "https://пример.com", "https://例え.jp", "https://日本語テスト.jp", "https://한국.kr", "https://παράδειγμα.gr",
    "https://xn--80ak6aa92e.com/", "http://a_b.example/",
  ];
  for (const link of plain) assert.equal(host(link), undefined, link);
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

test("what stands after the backticks names the language and is not shown", () => {
  for (const language of ["", "js", "C#", "JSON", "Python3", "foo bar", " js", "  ", "objective-c++ {.numbered}", "日本語"]) {
    assert.deepEqual(splitContent(`\`\`\`${language}\nlet x;\n\`\`\``), [{ block: "let x;" }], language);
    assert.deepEqual(splitContent(`\`\`\`${language}\r\nlet x;\r\n\`\`\`\r\nb`), [{ block: "let x;" }, { text: "b" }], language);
  }
  // One word names it also where the last backticks follow the code; more may be what was said.
  assert.deepEqual(splitContent("```JSON\n{}```"), [{ block: "{}" }]);
  assert.deepEqual(splitContent("```not a language\n{}```"), [{ block: "not a language\n{}" }]);
  assert.deepEqual(splitContent("see ```these two\nlines``` now"), [{ text: "see " }, { block: "these two\nlines" }, { text: " now" }]);
  assert.deepEqual(splitContent("```a`b\nc\n```"), [{ block: "a`b\nc" }]);
});

test("a block of code ends with as many backticks as it began with, and keeps what is in it", () => {
  assert.deepEqual(splitContent("````\n```js\nx\n```\n````"), [{ block: "```js\nx\n```" }]);
  assert.deepEqual(splitContent("```\nx\n`````\nb"), [{ block: "x" }, { text: "b" }]);
  assert.deepEqual(splitContent("a\n  ```js\n    x\n\n  ```  \nb"), [{ text: "a\n" }, { block: "    x\n" }, { text: "b" }]);
  assert.deepEqual(splitContent("```\n```"), [{ block: "" }]);
  assert.deepEqual(splitContent("```x```"), [{ block: "x" }]);
  assert.deepEqual(splitContent("```` a ``` b ``` c"), [{ text: "```` a " }, { block: " b " }, { text: " c" }]);
  assert.deepEqual(splitContent("```a``` and `b`"), [{ block: "a" }, { text: " and " }, { code: "b" }]);
});

test("a link with thousands of brackets after it costs no more than its length", () => {
  const brackets = ")".repeat(200_000);
  const began = performance.now();

  const [link, rest] = splitLinks(`https://a.example/(b)${brackets}`);

  assert.deepEqual([link.text, rest.text.length], ["https://a.example/(b)", 200_000]);
  assert.ok(performance.now() - began < 2000);
});

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
