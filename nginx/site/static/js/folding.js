// SPDX-License-Identifier: Apache-2.0

// Of a long message its beginning is shown, until somebody asks for more. Nothing here touches the DOM.

const longFrom = { length: 1500, lines: 24 };
const beginning = { length: 800, lines: 12 };
/** So far back a cut looks for the end of a word. */
const wordLengthMax = 40;

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
