// SPDX-License-Identifier: Apache-2.0

// Links in what people write: where one ends (after UTS #58), and whether it leads elsewhere than it seems to. Takes time in
// proportion to the text's length, whatever it is. Nothing here touches the DOM.

const beginning = /(?<![a-z0-9])https?:\/\//giu;

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
  beginning.lastIndex = 0;
  for (let match = beginning.exec(text); match; match = beginning.exec(text)) {
    const link = text.slice(match.index, endOfLink(text, match.index, match.index + match[0].length));
    beginning.lastIndex = match.index + Math.max(link.length, match[0].length);
    const address = addressOf(link);
    if (address === null) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    const host = hiddenHost(link, address);
    parts.push({ text: link, href: address.href, ...(host !== null && { host }) });
    end = beginning.lastIndex;
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
