// SPDX-License-Identifier: Apache-2.0

import { isTouch } from "./composer.js";
import { copyOf, openDialog } from "./dom.js";
import { keepsOrder } from "./halls.js";
import { Emitter } from "./utils.js";

const longPressMilliseconds = 500;
const longPressPixels = 10;

/** On a touch screen the bar would cover the text: one button in its place opens the sheet. */
const more = { name: "more", label: "message_actions", icon: "#icon-more" };

const isThere = ({ message }) => message.id !== undefined && !message.deleted && !message.is_deleting;

/** What can be done with a message, in the order in which it is offered. The key works while the message has the focus. */
const actions = [
  {
    name: "edit", label: "edit_message", icon: "#icon-edit", key: "e",
    isFor: (about) => isThere(about) && about.isMine && !about.hall.archived && about.age <= about.editSeconds,
  },
  { name: "copy", label: "copy", icon: "#icon-copy", key: "c", isFor: ({ message }) => message.content !== "" },
  {
    name: "delete", label: "delete_message", icon: "#icon-delete", key: "Delete", isDanger: true,
    // Whose messages a moderator may delete depends on who they are: the server says.
    isFor: (about) =>
      isThere(about) && !about.hall.archived && (about.isMine || keepsOrder(about.hall)),
  },
];

/**
 * What can be done with a message: `hall` is its hall, `age` how many seconds it is old, `editSeconds` how many seconds
 * one may edit, Infinity without an end.
 */
export function actionsFor(about) {
  return actions.filter(({ isFor }) => isFor(about));
}

/**
 * Offers the actions of messages: in a bar on hover and focus, in a sheet on a long press and with the menu key.
 * `about(article)` tells what `actionsFor` asks. Emits act(name, article).
 */
export class MessageActions extends Emitter {
  #log;
  #dialog;
  #about;
  #language;
  #bar = document.createElement("div");
  /** What the sheet is about. */
  #article = null;
  #pressTimer = null;
  #pressedAt = null;
  /** The finger that opened the sheet is still there. */
  #isHeld = false;
  #isMenuKey = false;

  constructor({ log, dialog, about, language }) {
    super();
    this.#log = log;
    this.#dialog = dialog;
    this.#about = about;
    this.#language = language;
    this.#bar.className = "message-actions";
    this.#bar.setAttribute("role", "group");
    const take = (event) => this.#attach(event.target.closest?.("article"));
    log.addEventListener("pointerover", take);
    log.addEventListener("focusin", take);
    this.#bar.addEventListener("click", (event) => this.#clicked(event, this.#bar.closest("article")));
    dialog.querySelector(".sheet-actions").addEventListener("click", (event) => {
      dialog.close();
      this.#clicked(event, this.#article);
    });
    language.on("changed", () => {
      this.#bar.replaceChildren();
      this.refresh();
    });
    this.#wirePress();
    this.#wireMenu();
  }

  /** The action of a key; false where there is none for this message. */
  press(key, article) {
    const action = this.#actionsOf(article).find((each) => each.key === key);
    if (action) this.emit("act", action.name, article);
    return action !== undefined;
  }

  /** Whether an action is offered for a message of which this is known. */
  offers(name, about) {
    return actionsFor(about).some((action) => action.name === name);
  }

  /** The rows were drawn anew: what can be done with them may be another. */
  refresh() {
    const article = this.#bar.closest("article");
    if (article) this.#fill(article);
  }

  clear() {
    this.#bar.remove();
    this.#article = null;
  }

  #actionsOf(article) {
    const about = this.#about(article);
    return about ? actionsFor(about) : [];
  }

  // A button in focus stays where it is, whatever the pointer passes over.
  #attach(article) {
    if (!article || this.#bar.parentElement === article || this.#bar.contains(document.activeElement)) return;
    this.#fill(article);
    article.append(this.#bar);
  }

  #fill(article) {
    const all = this.#actionsOf(article);
    const offered = isTouch() && all.length > 0 ? [more] : all;
    const names = offered.map(({ name }) => name).join();
    this.#bar.hidden = offered.length === 0;
    this.#bar.setAttribute("aria-label", this.#language.t("message_actions"));
    if (this.#bar.dataset.names === names && this.#bar.childElementCount > 0) return;
    this.#bar.dataset.names = names;
    this.#bar.replaceChildren(...offered.map((action) => this.#buttonOf(action, "icon-button", "sr-only")));
  }

  #buttonOf({ name, label, icon, isDanger }, kind, wordClass = "") {
    const button = copyOf("action-template");
    const word = button.querySelector("span");
    word.textContent = this.#language.t(label);
    word.className = wordClass;
    if (wordClass) button.title = word.textContent;
    button.className = kind;
    button.classList.toggle("danger", Boolean(isDanger));
    button.dataset.messageAction = name;
    button.querySelector("use").setAttribute("href", icon);
    return button;
  }

  #clicked(event, article) {
    const name = event.target.closest("[data-message-action]")?.dataset.messageAction;
    if (name === more.name) this.#openSheet(article);
    // While the sheet was open the message may have become another.
    else if (article && this.#actionsOf(article).some((each) => each.name === name)) this.emit("act", name, article);
  }

  #openSheet(article) {
    const offered = this.#actionsOf(article);
    if (offered.length === 0 || this.#dialog.open) return;
    this.#article = article;
    // Where the browser gives the focus back to.
    if (!article.contains(document.activeElement)) article.focus({ preventScroll: true });
    const list = this.#dialog.querySelector(".sheet-actions");
    list.replaceChildren(...offered.map((action) => this.#buttonOf(action, "choice")));
    openDialog(this.#dialog);
  }

  #openPressed(article) {
    this.#isHeld = true;
    this.#openSheet(article);
  }

  // By hand: not every browser of a phone says so.
  #wirePress() {
    const end = () => clearTimeout(this.#pressTimer);
    this.#log.addEventListener("pointerdown", (event) => {
      end();
      this.#isHeld = false;
      const article = pressable(event.target);
      if (event.pointerType !== "touch" || !event.isPrimary || !article) return;
      this.#pressedAt = [event.clientX, event.clientY];
      this.#pressTimer = setTimeout(() => this.#openPressed(article), longPressMilliseconds);
    });
    // Where it is lifted, a button of the sheet may be by now.
    this.#log.addEventListener("touchend", (event) => {
      if (this.#isHeld) event.preventDefault();
      this.#isHeld = false;
    });
    this.#log.addEventListener("pointermove", ({ clientX, clientY }) => {
      const [x, y] = this.#pressedAt ?? [clientX, clientY];
      if (Math.hypot(clientX - x, clientY - y) > longPressPixels) end();
    });
    for (const event of ["pointerup", "pointercancel"]) this.#log.addEventListener(event, end);
  }

  // The menu of the browser, asked for with a finger or a key, gives way to ours; the mouse has the bar.
  #wireMenu() {
    this.#log.addEventListener("keydown", (event) => {
      const article = event.target.closest("article");
      const isMenu = event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
      if (!isMenu || !article || event.target.closest("textarea, a, pre")) return;
      event.preventDefault();
      this.#isMenuKey = true;
      setTimeout(() => (this.#isMenuKey = false), longPressMilliseconds);
      this.#openSheet(article);
    });
    document.addEventListener("contextmenu", (event) => {
      const article = pressable(event.target);
      const isTouch = event.pointerType === "touch" && article && this.#log.contains(article);
      if (!isTouch && !this.#isMenuKey) return;
      event.preventDefault();
      if (isTouch) this.#openPressed(article);
    });
  }
}

// A link has a menu of its own, and what one writes in, too.
function pressable(target) {
  return target.closest?.("a, button, textarea") ? null : target.closest?.("article");
}
