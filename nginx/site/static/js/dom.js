// SPDX-License-Identifier: Apache-2.0

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

/** The last of the rows, from top to bottom, that ends above a line; undefined for none. */
export function lastWhole(rows, line) {
  const index = firstBelow(rows, line + 1);
  return rows[index]?.getBoundingClientRect().bottom <= line + 1 ? rows[index] : rows[index - 1];
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

/** Opens a dialog; a click beside it or on what has data-close closes it, the browser gives the focus back. */
export function openDialog(dialog) {
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  dialog.showModal();
}

export function wireDialogs(root = document) {
  for (const dialog of root.querySelectorAll("dialog")) {
    let isPressedBeside = false;
    dialog.addEventListener("pointerdown", (event) => (isPressedBeside = isBeside(dialog, event)));
    dialog.addEventListener("click", (event) => {
      // Text that is selected with the pointer may end beside the dialog; who closes it began there, too.
      const closes = event.target === dialog && isPressedBeside && isBeside(dialog, event);
      if (closes || event.target.closest("[data-close]")) dialog.close();
    });
  }
  for (const button of root.querySelectorAll("[data-open]")) {
    button.addEventListener("click", () => openDialog($(`${button.dataset.open}-dialog`)));
  }
}

// The backdrop and the padding have the dialog itself as their target.
function isBeside(dialog, { clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
}

/**
 * A dialog of one form: shows why it failed, closes when `submit` succeeded. `done` gets what that answered: closed, since
 * the browser gives the focus back to where it was, and what comes next may want it elsewhere.
 */
export class FormDialog {
  #dialog;
  #form;
  #error;
  #language;
  #submit;
  #done;

  constructor({ dialog, language, submit, done }) {
    this.#dialog = dialog;
    this.#form = dialog.querySelector("form");
    this.#error = dialog.querySelector(".form-error");
    this.#language = language;
    this.#submit = submit;
    this.#done = done;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#run();
    });
  }

  open() {
    this.#form.reset();
    this.#error.hidden = true;
    openDialog(this.#dialog);
  }

  async #run() {
    const button = this.#form.querySelector("button:not([type=button])");
    button.disabled = true;
    this.#error.hidden = true;
    try {
      const answer = await this.#submit(Object.fromEntries(new FormData(this.#form)));
      this.#dialog.close();
      this.#done(answer);
    } catch (error) {
      this.#error.textContent = this.#language.error(error);
      this.#error.hidden = false;
    } finally {
      button.disabled = false;
    }
  }
}

/** Puts a text into the clipboard; false where the browser does not let us. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP there is no such clipboard, and some browsers ask the person first: the old way is left.
    return copySelection(text);
  }
}

function copySelection(text) {
  const { activeElement } = document;
  const area = document.createElement("textarea");
  area.className = "sr-only copy-source";
  area.readOnly = true;
  area.value = text;
  document.body.append(area);
  // Without it Safari would scroll there.
  area.focus({ preventScroll: true });
  area.select();
  let isCopied = false;
  try {
    isCopied = document.execCommand("copy");
  } finally {
    area.remove();
    activeElement?.focus({ preventScroll: true });
  }
  return isCopied;
}

/**
 * Files and pictures cannot be sent: dropped or pasted ones are refused, with `refuse()` saying so. Left alone, the browser
 * would show a dropped file in the place of the page, and what was being written would be gone.
 */
export function refuseFiles(refuse) {
  const drag = (event) => {
    const types = [...(event.dataTransfer?.types ?? [])];
    // Text goes where one can write.
    if (!types.includes("Files") && event.target.closest?.("input, textarea")) return;
    event.preventDefault();
    if (event.type === "drop" && types.includes("Files")) refuse();
  };
  for (const type of ["dragover", "drop"]) document.addEventListener(type, drag);
  document.addEventListener("paste", (event) => {
    const { types = [], files = [] } = event.clipboardData ?? {};
    // A program that copies text may bring a picture of it along.
    if (files.length === 0 || types.includes("text/plain")) return;
    event.preventDefault();
    refuse();
  });
}

/** Pixels that stay free before and behind what is scrolled to. */
const scrollMargin = 8;

/** Scrolls as little as shows the element, and nothing but the scroller: the page around a frame stays where it is. */
export function scrollToNearest(element, scroller) {
  if (!element || !scroller) return;
  const inner = element.getBoundingClientRect();
  const outer = scroller.getBoundingClientRect();
  const above = inner.top - scrollMargin - outer.top;
  const below = inner.bottom + scrollMargin - outer.bottom;
  if (above < 0) scroller.scrollTop += above;
  else if (below > 0) scroller.scrollTop += Math.min(above, below);
}
