// SPDX-License-Identifier: Apache-2.0

// What a message is made of: text, links, code, emoji. Strangers write it, so everything here takes time in proportion to
// its length, whatever it is (Tests/web/text-cost.test.js). Nothing here touches the DOM.

const emojiMax = 8;
// The longest sequence in Unicode has 15 code units; a long text is not tried at all.
const emojiLengthMax = 200;

// One emoji and what belongs to it (UTS #51, ED-12 to ED-17). Each is tried at one place only, where the last one ended,
// and no two ways of reading it lead on: in a pattern for all of them a modifier would be the end of one or an emoji itself.
const tags = String.raw`(?:[\u{E0020}-\u{E007E}]+\u{E007F})?`;
const digits = String.raw`(?![0-9#*])`;
const sequence = String.raw`\p{Emoji_Modifier_Base}\uFE0F?\p{EMod}|\p{Emoji}\uFE0F\u20E3?`;
const firstEmoji = new RegExp(
  String.raw`\p{RI}\p{RI}|[0-9#*]\uFE0F?\u20E3|${digits}(?:${sequence}|\p{Emoji_Presentation})${tags}`, "uy",
);
// What is joined to an emoji is one also where it would be text by itself.
const joinedEmoji = new RegExp(String.raw`\u200D(?:\p{RI}\p{RI}|${digits}(?:${sequence}|\p{Emoji})${tags})`, "uy");
const space = /\s*/uy;

/** Whether the text is one to eight emoji and nothing else. */
export function isEmojiOnly(text) {
  if (text.length > emojiLengthMax) return false;
  let position = 0;
  const take = (pattern) => {
    pattern.lastIndex = position;
    const isThere = pattern.test(text);
    if (isThere) position = pattern.lastIndex;
    return isThere;
  };
  take(space);
  for (let count = 0; count < emojiMax && position < text.length; count += 1) {
    if (!take(firstEmoji)) return false;
    while (take(joinedEmoji));
    take(space);
  }
  return position > 0 && position === text.length && text.trim() !== "";
}

// Stops at spaces, quotes, East Asian punctuation and characters that turn the direction of the text.
const linkPattern = /\bhttps?:\/\/[^\s<>"`\u3000-\u303F\uFF00-\uFF0F\uFF1A-\uFF20\u202A-\u202E\u2066-\u2069]+/giu;

/** Splits text into `{text}` and `{text, href}`; only http and https become links. */
export function splitLinks(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(linkPattern)) {
    const link = withoutTrailingPunctuation(match[0]);
    if (!isAddress(link)) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: link, href: new URL(link).href });
    end = match.index + link.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

// A name in DNS has 253 characters. A longer one is not looked at: to put its marks in order takes time by their square.
const authorityMax = 320;
const longAuthority = new RegExp(String.raw`^https?://[^/?#]{${authorityMax + 1}}`, "iu");

function isAddress(link) {
  if (longAuthority.test(link)) return false;
  try {
    return Boolean(new URL(link));
  } catch {
    return false;
  }
}

const openings = { ")": "(", "]": "[", "}": "{" };

// A full stop after a link belongs to the sentence; a closing bracket to the link only if it opened in it.
function withoutTrailingPunctuation(link) {
  const counts = {};
  for (const character of link) counts[character] = (counts[character] ?? 0) + 1;
  let end = link.length;
  for (; end > 0; end -= 1) {
    const last = link[end - 1];
    const opening = openings[last];
    const closes = opening && (counts[opening] ?? 0) >= counts[last];
    if (closes || !/[.,;:!?'"*_~)\]}…]/u.test(last)) break;
    counts[last] -= 1;
  }
  return link.slice(0, end);
}

/** Splits a message into text, links, `code` and fenced blocks of code. */
export function splitContent(content) {
  const parts = [];
  let end = 0;
  for (const match of content.matchAll(/```(?:[a-z0-9+#-]*\n)?([^]+?)```\n?|`([^`\n]+)`/gu)) {
    parts.push(...splitLinks(content.slice(end, match.index)));
    parts.push(match[1] !== undefined ? { block: match[1].replace(/\n$/u, "") } : { code: match[2] });
    end = match.index + match[0].length;
  }
  parts.push(...splitLinks(content.slice(end)));
  return parts;
}
