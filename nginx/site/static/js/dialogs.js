// SPDX-License-Identifier: Apache-2.0

import { showHallIcons } from "./hall-icons.js";
import { shownName } from "./users.js";
import { Emitter, foldText, isComposing } from "./utils.js";

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
    button.addEventListener("click", () => openDialog(document.getElementById(`${button.dataset.open}-dialog`)));
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

/** A dialog that offers halls with a filter; arrows move, Enter takes. Emits choose(hall). */
export class HallPicker extends Emitter {
  #dialog;
  #filter;
  #list;
  #hint;
  #halls = [];
  #texts;

  /** `texts` says, at the time of use: action, none, nothing found, and in which language. */
  constructor({ dialog, texts }) {
    super();
    this.#dialog = dialog;
    this.#texts = texts;
    this.#filter = dialog.querySelector("input");
    this.#list = dialog.querySelector("ul");
    this.#hint = dialog.querySelector(".hint");
    this.#filter.addEventListener("input", () => this.#render());
    dialog.addEventListener("keydown", (event) => this.#keyDown(event));
    dialog.addEventListener("close", () => this.#list.replaceChildren());
    this.#list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.emit("choose", this.#halls.find(({ id }) => id === Number(button.dataset.hallId)));
    });
  }

  /** `loading` is said until the halls are there. */
  open({ loading = "" } = {}) {
    this.#filter.value = "";
    this.#halls = [];
    this.#dialog.classList.toggle("is-loading", loading !== "");
    this.say(loading);
    this.#list.replaceChildren();
    openDialog(this.#dialog);
  }

  close() {
    this.#dialog.close();
  }

  show(halls) {
    this.#dialog.classList.remove("is-loading");
    this.#halls = halls;
    this.#render();
  }

  /** They did not come. */
  fail(text) {
    this.#dialog.classList.remove("is-loading");
    this.say(text);
  }

  say(text) {
    this.#hint.textContent = text;
  }

  #render() {
    if (this.#dialog.classList.contains("is-loading")) return;
    const wanted = foldText(this.#filter.value.trim());
    const found = this.#halls.filter(({ name }) => foldText(name).includes(wanted));
    const { action, none, nothingFound, language } = this.#texts();
    const template = document.getElementById("choice-template").content.firstElementChild;
    this.#list.replaceChildren(...found.map((hall) => {
      const item = template.cloneNode(true);
      item.firstElementChild.dataset.hallId = hall.id;
      item.querySelector(".hall-label").textContent = shownName(hall.name);
      showHallIcons(item, hall, language);
      item.querySelector(".choice-action").textContent = action;
      return item;
    }));
    if (this.#halls.length === 0) this.say(none);
    else this.say(found.length === 0 ? nothingFound : "");
  }

  #keyDown(event) {
    if (isComposing(event)) return;
    const buttons = [...this.#list.querySelectorAll("button")];
    const index = buttons.indexOf(document.activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = index + (event.key === "ArrowDown" ? 1 : -1);
      (buttons[Math.min(next, buttons.length - 1)] ?? this.#filter).focus();
    } else if (event.key === "Enter" && document.activeElement === this.#filter) {
      event.preventDefault();
      buttons[0]?.click();
    }
  }
}
