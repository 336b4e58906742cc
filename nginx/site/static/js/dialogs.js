// SPDX-License-Identifier: Apache-2.0

import { $ } from "./dom.js";

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
