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

// Of a long message its beginning is shown, until somebody asks for more.
const longFrom = { length: 1500, lines: 24 };
const beginning = { length: 800, lines: 12 };
/** So far back a cut looks for the end of a word. */
const wordLengthMax = 40;

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

/** Splits a message into text, links, `code` and fenced blocks of code. */
export function splitContent(content) {
  const parts = [];
  let end = 0;
  for (const block of codeBlocks(content)) {
    parts.push(...splitInline(content.slice(end, block.start)), { block: block.code });
    end = block.end;
  }
  parts.push(...splitInline(content.slice(end)));
  return parts;
}

function splitInline(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(/`([^`\n]+)`/gu)) {
    parts.push(...splitLinks(text.slice(end, match.index)), { code: match[1] });
    end = match.index + match[0].length;
  }
  parts.push(...splitLinks(text.slice(end)));
  return parts;
}

const fenceLength = 3;
const lineEnd = /[ \t]*(?:\r?\n|$)/uy;

/** From three backticks to the next that are as many: what is in them, and where they begin and end. */
function codeBlocks(text) {
  const blocks = [];
  const runs = [...text.matchAll(/`{3,}/gu)].map(({ index, 0: { length } }) => ({ start: index, end: index + length, length }));
  const closings = closingsOf(runs);
  for (let index = 0; index < runs.length; index += 1) {
    const closing = closings[index];
    if (closing === undefined) continue;
    blocks.push(codeBlock(text, runs[index], runs[closing]));
    index = closing;
  }
  return blocks;
}

// For each run the next that is at least as long (CommonMark §4.5), in one pass: the runs that still look for theirs become
// shorter from the first to the last.
function closingsOf(runs) {
  const closings = [];
  const open = [];
  for (const [index, { length }] of runs.entries()) {
    while (open.length > 0 && runs[open.at(-1)].length <= length) closings[open.pop()] = index;
    open.push(index);
  }
  return closings;
}

function codeBlock(text, opening, closing) {
  const before = indentation(text, opening.start);
  const after = indentation(text, closing.start);
  lineEnd.lastIndex = closing.end;
  const endsLine = lineEnd.test(text);
  const isFence = before !== null && after !== null && endsLine;
  const code = withoutLanguage(text.slice(opening.end, closing.start - (after ?? "").length), isFence);
  return {
    start: opening.start - (before ?? "").length,
    end: endsLine ? lineEnd.lastIndex : closing.end,
    code: code.replace(/\r?\n$/u, ""),
  };
}

// The rest of the line after the backticks names the language, and is not shown. Where the backticks stand in a text, not on
// lines of their own, only one word does: more may be part of what was said.
function withoutLanguage(code, isFence) {
  const end = code.indexOf("\n");
  const language = code.slice(0, Math.max(end, 0)).trim();
  const isLanguage = !language.includes("`") && (isFence || !/\s/u.test(language));
  return end >= 0 && isLanguage ? code.slice(end + 1) : code;
}

/** Up to three spaces with which a line begins before a place in it; null where anything else does. */
function indentation(text, place) {
  let start = place;
  while (start > 0 && place - start < fenceLength && text[start - 1] === " ") start -= 1;
  return start === 0 || text[start - 1] === "\n" ? text.slice(start, place) : null;
}

/** Whether a message is so long that it is folded: much longer than what is shown of it then. */
export function isLong(content) {
  return content.length > longFrom.length || endOfLines(content, longFrom.lines) < content.length;
}

/** The first of a message's parts (`splitContent`), and the last of them cut with "…". */
export function beginningOf(parts) {
  const shown = [];
  let { length, lines } = beginning;
  for (const part of parts) {
    const kind = ["block", "code", "text"].find((name) => part[name] !== undefined);
    const text = part[kind];
    const cut = cutText(text, length, lines);
    if (cut.length < text.length) return [...shown, { ...part, [kind]: `${cut}…` }];
    shown.push(part);
    length -= text.length;
    lines -= text.split("\n").length - 1;
  }
  return shown;
}

function cutText(text, length, lines) {
  let end = Math.min(endOfLines(text, lines), length);
  if (end >= text.length) return text;
  // Not within a word, where it began near, and never between the halves of a character.
  if (/\S/u.test(text[end])) {
    const start = Math.max(0, end - wordLengthMax);
    const gap = text.slice(start, end).search(/\s\S*$/u);
    if (gap >= 0) end = start + gap;
  }
  if (/[\uD800-\uDBFF]/u.test(text[end - 1] ?? "")) end -= 1;
  return text.slice(0, end).trimEnd();
}

/** Where the first lines of a text end. */
function endOfLines(text, lines) {
  let end = -1;
  for (let line = 0; line < lines; line += 1) {
    end = text.indexOf("\n", end + 1);
    if (end < 0) return text.length;
  }
  return Math.max(end, 0);
}

// Links: where one ends (after UTS #58), and whether it leads elsewhere than it seems to.

const linkBeginning = /(?<![a-z0-9])https?:\/\//giu;

// Spaces, what does not show, what turns the direction of the text, quotes of HTML, East Asian punctuation.
const ends = /[\s\p{Cc}<>"`\u061C\u200B\u200E\u200F\u202A-\u202E\u2066-\u2069\u3000-\u303F\uFF00-\uFF0F\uFF1A-\uFF20]/u;
const plain = /[a-z0-9/%=&#@+$-]/iu;
const opens = /\p{Ps}/u;
const closes = /\p{Pe}/u;
const opensQuote = /\p{Pi}/u;
const closesQuote = /\p{Pf}/u;
// Belongs to the link only where more of it follows: the sentence around it goes on, or ends.
const mayFollow = /[\p{Terminal_Punctuation}\p{Quotation_Mark}\p{Ps}*_~…‥·‧–—¡¿]/u;

/** What closes a quotation that opens right before a link, as people write it in one language or another. */
const closings = { "“": "”", "„": "“”", "”": "”", "«": "»", "»": "«", "‘": "’", "‚": "‘’", "‹": "›", "›": "‹" };

/**
 * Splits text into `{text}` and `{text, href}`; only http and https become links. One that leads to another host than who
 * reads it may take it for has that as `host`.
 */
export function splitLinks(text) {
  const parts = [];
  let end = 0;
  linkBeginning.lastIndex = 0;
  for (let match = linkBeginning.exec(text); match; match = linkBeginning.exec(text)) {
    const link = text.slice(match.index, endOfLink(text, match.index, match.index + match[0].length));
    linkBeginning.lastIndex = match.index + Math.max(link.length, match[0].length);
    const address = addressOf(link);
    if (address === null) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    const host = hiddenHost(link, address);
    parts.push({ text: link, href: address.href, ...(host !== null && { host }) });
    end = linkBeginning.lastIndex;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

// A bracket that closes belongs to a link in which it opened, and ends any other; a mark of quotation likewise, but for the
// apostrophe it may be.
function endOfLink(text, start, authority) {
  const closing = closings[text[start - 1]] ?? "";
  const brackets = [];
  const quotes = new Map();
  let end = authority;
  for (let index = authority; index < text.length; ) {
    const character = String.fromCodePoint(text.codePointAt(index));
    index += character.length;
    if (plain.test(character)) end = index;
    else if (ends.test(character)) break;
    else if (closes.test(character)) {
      if (brackets.pop() !== openingOf(character)) break;
      end = index;
    } else if (opens.test(character)) brackets.push(character);
    else if (closesQuote.test(character) && quotes.get(openingOf(character)) > 0) {
      quotes.set(openingOf(character), quotes.get(openingOf(character)) - 1);
      end = index;
    } else if (closing.includes(character)) break;
    else if (opensQuote.test(character)) quotes.set(character, (quotes.get(character) ?? 0) + 1);
    else if (!mayFollow.test(character)) end = index;
  }
  return end;
}

// Unicode has the two side by side, but for some from older sets.
function openingOf(closing) {
  const distance = { "]": 2, "}": 2, "］": 2, "｝": 2, "»": 16 }[closing] ?? 1;
  return String.fromCodePoint(closing.codePointAt(0) - distance);
}

// A name in DNS has 253 characters. A longer one is not looked at: to put its marks in order takes time by their square.
const authorityMax = 320;
const longAuthority = new RegExp(String.raw`^https?://[^/?#]{${authorityMax + 1}}`, "iu");

function addressOf(link) {
  if (longAuthority.test(link)) return null;
  try {
    return new URL(link);
  } catch {
    return null;
  }
}

/** The host to which a link leads, where it does not stand in it for everybody to read; else null. */
function hiddenHost(link, { hostname, username, password }) {
  if (username !== "" || password !== "") return hostname;
  const [, written] = /^https?:\/\/([^/?#\\]*?)(?::\d*)?(?:[/?#\\]|$)/iu.exec(link) ?? [];
  if (written?.toLowerCase() === hostname) return null;
  // A name in letters of one's own is a name as any other; one that seems to be in Latin letters, and is not, is none.
  const labels = (written ?? "").normalize("NFC").toLowerCase().split(/[.。]/u);
  const isName = /(?:^|\.)xn--/u.test(hostname) && !/[%@]|[\uFF01-\uFF5E]/u.test(written ?? "%");
  return isName && !labels.some((label) => mixesScripts(label) || seemsLatin(label, labels.at(-1))) ? null : hostname;
}

// What is written with several scripts every day (UTS #39, "highly restrictive"), or with one.
const scriptSets = [
  "Latin Han Hiragana Katakana", "Latin Han Bopomofo", "Latin Han Hangul",
  "Cyrillic", "Greek", "Armenian", "Georgian", "Hebrew", "Arabic", "Devanagari", "Bengali", "Tamil", "Telugu", "Thai", "Khmer",
].map((names) => {
  const scripts = `${names} Common Inherited`.split(" ").map((name) => `\\p{Script=${name}}`);
  return new RegExp(`^[${scripts.join("")}]*$`, "u");
});

function mixesScripts(label) {
  const isForeign = /[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]/u.test(label);
  if (!isForeign) return false;
  if (scriptSets.some((pattern) => pattern.test(label))) return false;
  return /\p{Script=Latin}|\p{Script=Cyrillic}|\p{Script=Greek}/u.test(label);
}

const looksLatin = /^[\p{Script=Common}авгекмнопрстухбьзшԁѕіјӏһԛѵԝҽѡαβγεηικνοπρστυχωօոսհցյքգ]+$/u;
const rareLatin = /[ıĸſ\u0250-\u02AF\u1D00-\u1DBF\uA720-\uA7FF]/u;

function seemsLatin(label, last) {
  if (rareLatin.test(label)) return true;
  // Under a name of its own script nobody expects Latin letters.
  return /[^\p{ASCII}]/u.test(label) && /^\p{ASCII}+$/u.test(last) && looksLatin.test(label);
}
