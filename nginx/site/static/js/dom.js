// SPDX-License-Identifier: Apache-2.0

/** The element of an id. */
export const $ = (id) => document.getElementById(id);

/** What a template of the page holds, once more. */
export const copyOf = (templateId) => $(templateId).content.firstElementChild.cloneNode(true);

// Where things stand on the screen; nothing here changes them.

/** How far below its lower edge a scroller's content goes on. */
export function distanceToEnd({ scrollTop, scrollHeight, clientHeight }) {
  return scrollHeight - scrollTop - clientHeight;
}

/** The size of a scroller and of what it holds, to be compared. */
export function sizesOf({ scrollHeight, clientHeight, clientWidth }) {
  return `${clientWidth} ${clientHeight} ${scrollHeight}`;
}

/**
 * The first of the rows, from top to bottom, that begins between two lines; else the one that reaches below the first: of
 * a row that is cut, nobody sees how far it reaches up.
 */
export function firstInSight(rows, line, otherLine) {
  const index = firstBelow(rows, line);
  const top = (row) => row?.getBoundingClientRect().top ?? Infinity;
  return top(rows[index]) < line && top(rows[index + 1]) < otherLine ? rows[index + 1] : rows[index];
}

function firstBelow(rows, line) {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].getBoundingClientRect().bottom <= line) low = middle + 1;
    else high = middle;
  }
  return low;
}
