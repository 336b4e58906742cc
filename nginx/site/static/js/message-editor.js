// SPDX-License-Identifier: Apache-2.0

import { copyOf, scrollToNearest } from "./dom.js";
import { TextField } from "./composer.js";
import { Emitter, isComposing, writtenText } from "./utils.js";

/**
 * The box in which a message is edited, in its row. Enter saves, Escape gives back what was; an empty text is an offer to
 * delete. Emits save(message, content), remove(message), copy(content), cancel(message), say(text), fitted().
 */
export class MessageEditor extends Emitter {
  #form = copyOf("editor-template");
  #text = this.#form.querySelector("textarea");
  #note = this.#form.querySelector(".editor-note");
  #save = this.#form.querySelector(".editor-save");
  #cancel = this.#form.querySelector(".editor-cancel");
  #field;
  #language;
  #editsAreKept;
  #message = null;
  #isGone = false;
  #noteText = "";
  #hasFocus = false;

  constructor({ language, editsAreKept }) {
    super();
    this.#language = language;
    this.#editsAreKept = editsAreKept;
    this.#field = new TextField({
      text: this.#text, count: this.#form.querySelector(".composer-count"), language, enterKeyHint: "done",
    });
    language.on("changed", () => this.#show());
    this.#field.on("submit", () => this.#submit());
    this.#field.on("fitted", () => {
      this.#show();
      this.emit("fitted");
    });
    this.#field.on("say", (text) => this.emit("say", text));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit({ isAsked: true });
    });
    // On a phone the keyboard would close before the button is reached.
    this.#save.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#cancel.addEventListener("click", () => this.#giveUp());
    this.#form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || isComposing(event)) return;
      event.preventDefault();
      this.#giveUp();
    });
    this.#form.addEventListener("focusin", () => (this.#hasFocus = true));
    this.#form.addEventListener("focusout", () => queueMicrotask(() => {
      if (this.#form.isConnected && !this.#form.contains(document.activeElement)) this.#hasFocus = false;
    }));
  }

  set lengthMax(value) {
    this.#field.lengthMax = value;
  }

  get isOpen() {
    return this.#message !== null;
  }

  get message() {
    return this.#message;
  }

  get hasFocus() {
    return this.#form.contains(document.activeElement);
  }

  /** What would be lost if it were closed; null where there is nothing. */
  get unsaved() {
    return this.#isChanged ? { message: this.#message, content: this.#field.value, note: this.#noteText } : null;
  }

  // What was refused is no less than what was changed.
  get #isChanged() {
    return this.isOpen && (this.#field.content !== writtenText(this.#message.content) || this.#noteText !== "");
  }

  /** `content` is what somebody wrote already, `note` why it is open again. */
  open({ message, content = message.content, note = "" }) {
    this.#message = message;
    this.#isGone = false;
    this.#noteText = note;
    this.#field.value = content;
    this.#text.setSelectionRange(content.length, content.length);
  }

  /** The message was deleted; what was written is still there. */
  gone() {
    if (!this.isOpen || this.#isGone) return;
    this.#isGone = true;
    this.#noteText = this.#language.t("edit_gone");
    this.emit("say", this.#noteText);
    this.#show();
  }

  /** Puts the box into the row of its message; into none where that is not shown. */
  attach(row) {
    if (this.#form.parentElement === row) return;
    this.#form.parentElement?.classList.remove("is-editing");
    if (!row) return void this.#form.remove();
    const hadFocus = this.#hasFocus && document.activeElement === document.body;
    row.append(this.#form);
    row.classList.add("is-editing");
    this.#field.fit();
    if (hadFocus) this.focus();
  }

  focus() {
    this.#field.focus();
  }

  keepInSight() {
    if (this.isOpen) scrollToNearest(this.#form, this.#form.closest(".scroller"));
  }

  close() {
    if (!this.isOpen) return;
    this.#message = null;
    this.#hasFocus = false;
    this.attach(null);
    this.#text.value = "";
  }

  #giveUp() {
    this.emit("cancel", this.#message);
  }

  /** `isAsked`: by the button, which says what it does. */
  #submit({ isAsked = false } = {}) {
    const { content } = this.#field;
    if (this.#isGone) return isAsked ? this.emit("copy", this.#field.value) : undefined;
    if (content === "") return this.#offerDelete(isAsked);
    if (this.#field.isTooLong) return this.focus();
    if (!this.#isChanged) return this.#giveUp();
    return this.emit("save", this.#message, content);
  }

  // Enter alone deletes nothing: it leads to the button that does.
  #offerDelete(isAsked) {
    if (isAsked) return this.emit("remove", this.#message);
    this.emit("say", this.#language.t("edit_empty"));
    return this.#save.focus({ preventScroll: true });
  }

  #show() {
    const t = (key) => this.#language.t(key);
    const isEmpty = this.#field.content === "";
    this.#text.setAttribute("aria-label", t("edit_text"));
    const kept = this.#editsAreKept && !this.#isGone ? t("edit_kept") : "";
    const note = isEmpty && !this.#isGone ? t("edit_empty") : this.#noteText || kept;
    this.#note.textContent = note;
    this.#note.hidden = note === "";
    this.#cancel.textContent = t(this.#isGone ? "close" : "cancel");
    this.#save.textContent = t(this.#isGone ? "copy" : isEmpty ? "delete" : "save");
    this.#save.classList.toggle("danger-fill", isEmpty && !this.#isGone);
    this.#save.classList.toggle("primary", !isEmpty || this.#isGone);
    this.#save.disabled = this.#field.isTooLong && !this.#isGone;
    this.#form.querySelector(".editor-hint").textContent = this.#isGone ? "" : t("edit_keys");
  }
}
