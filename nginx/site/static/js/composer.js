// SPDX-License-Identifier: Apache-2.0

import { TextField, isTouch } from "./text-field.js";
import { Emitter } from "./utils.js";

const draftMilliseconds = 300;
// Far above what can be sent; the storage is small and shared.
const draftLengthMax = 20_000;

/** The input: keeps the draft of each hall, says when one may send again. Emits send(content), say(text), edit(), fitted(). */
export class Composer extends Emitter {
  #form;
  #text;
  #field;
  #note;
  #button;
  #storage;
  #language;
  #draftKey = null;
  #noteTimer = null;
  #draftTimer = null;

  constructor({ form, storage, language }) {
    super();
    this.#form = form;
    this.#storage = storage;
    this.#language = language;
    this.#text = form.querySelector("textarea");
    this.#button = form.querySelector("#send");
    this.#note = form.querySelector("#composer-note");
    this.#field = new TextField({
      text: this.#text, count: form.querySelector("#composer-count"), language, enterKeyHint: "send",
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    // The button must not take the focus: on a phone the keyboard would close.
    this.#button.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#field.on("submit", () => this.#send());
    this.#field.on("input", () => this.#changed());
    this.#field.on("fitted", () => this.#fitted());
    for (const event of ["edit", "say"]) this.#field.on(event, (...values) => this.emit(event, ...values));
    // A page that is closed or put away may not come to its timers.
    for (const event of ["pagehide", "visibilitychange"]) window.addEventListener(event, () => this.#keepDraft());
  }

  set lengthMax(value) {
    this.#field.lengthMax = value;
    this.#showButton();
  }

  /** The hall's name, for who does not see the heading. */
  set name(name) {
    this.#text.setAttribute("aria-label", this.#language.t("write_message_in", { name }));
  }

  open({ userId, hallId }) {
    this.#keepDraft();
    this.#draftKey = `halls.draft.${userId}.${hallId}`;
    this.#text.value = this.#storage.get(this.#draftKey) ?? "";
    this.#form.hidden = false;
    this.#showNote("");
    this.#field.fit();
  }

  close() {
    this.#keepDraft();
    this.#form.hidden = true;
    this.#draftKey = null;
    this.#text.value = "";
    this.#text.removeAttribute("aria-label");
    this.#showNote("");
  }

  focus() {
    if (!this.#form.hidden) this.#field.focus();
  }

  /** As by a key; where the focus is elsewhere nothing is written. */
  write(text) {
    this.#field.write(text);
  }

  /** Where a keyboard would cover half the screen the focus is not taken unasked. */
  focusUnasked() {
    if (!isTouch()) this.focus();
  }

  /** Shows when one may send again, counting down; aloud it is said once. */
  waitFor(seconds) {
    this.emit("say", this.#language.t("slow_down", { count: seconds }));
    this.#countDown(seconds);
  }

  #countDown(seconds) {
    this.#showNote(this.#language.t("slow_down", { count: seconds }));
    clearTimeout(this.#noteTimer);
    this.#noteTimer = setTimeout(() => (seconds > 1 ? this.#countDown(seconds - 1) : this.#showNote("")), 1000);
  }

  #send() {
    const { content } = this.#field;
    if (content === "" || this.#field.isTooLong || this.#draftKey === null) return this.focus();
    this.#field.empty();
    this.emit("send", content);
    return this.focus();
  }

  #changed() {
    // With each key it would be the whole text each time; what was sent is gone at once.
    this.#draftTimer ??= setTimeout(() => this.#keepDraft(), draftMilliseconds);
    if (this.#text.value === "") this.#keepDraft();
  }

  #fitted() {
    this.#showButton();
    this.emit("fitted");
  }

  #showButton() {
    this.#button.disabled = this.#field.isTooLong || this.#field.content === "";
  }

  // Only what was changed here: another window may have gone on with the same draft.
  #keepDraft() {
    if (this.#draftTimer === null) return;
    clearTimeout(this.#draftTimer);
    this.#draftTimer = null;
    const draft = this.#text.value.slice(0, draftLengthMax);
    if (draft === "") this.#storage.remove(this.#draftKey);
    else this.#storage.set(this.#draftKey, draft);
  }

  #showNote(text) {
    clearTimeout(this.#noteTimer);
    this.#note.textContent = text;
  }
}
