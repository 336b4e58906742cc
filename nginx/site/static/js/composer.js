// SPDX-License-Identifier: Apache-2.0

import { Emitter, isComposing, textLength, writtenText } from "./utils.js";

const counterFrom = 200;
const draftMilliseconds = 300;
// Far above what can be sent; the storage is small and shared.
const draftLengthMax = 20_000;
// Where what is left is said aloud; with each key it would be too much.
const saidCounts = [200, 100, 50, 20, 10, 5, 0];

/** The input: grows, counts, keeps the draft of each hall. Emits send(content), say(text), edit(), fitted(). */
export class Composer extends Emitter {
  #form;
  #text;
  #count;
  #note;
  #button;
  #storage;
  #language;
  #draftKey = null;
  #lengthMax = Infinity;
  #noteTimer = null;
  #saidIndex = -1;
  #draftTimer = null;
  #isTouch = matchMedia("(hover: none) and (pointer: coarse)");

  constructor({ form, storage, language }) {
    super();
    this.#form = form;
    this.#storage = storage;
    this.#language = language;
    this.#text = form.querySelector("textarea");
    this.#button = form.querySelector("#send");
    this.#count = form.querySelector("#composer-count");
    this.#note = form.querySelector("#composer-note");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    // The button must not take the focus: on a phone the keyboard would close.
    this.#button.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#text.addEventListener("beforeinput", () => this.emit("edit"));
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("keydown", (event) => this.#keyDown(event));
    // A page that is closed or put away may not come to its timers.
    for (const event of ["pagehide", "visibilitychange"]) window.addEventListener(event, () => this.#keepDraft());
    const touch = () => (this.#text.enterKeyHint = this.#isTouch.matches ? "enter" : "send");
    this.#isTouch.addEventListener("change", touch);
    touch();
  }

  set lengthMax(value) {
    this.#lengthMax = value;
    this.#showCount();
  }

  setLanguage(language) {
    this.#language = language;
    this.#showCount();
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
    this.#fit();
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
    if (!this.#form.hidden) this.#text.focus({ preventScroll: true });
  }

  /** As by a key; where the focus is elsewhere nothing is written. */
  write(text) {
    if (document.activeElement !== this.#text) return;
    this.#text.setRangeText(text, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#changed();
  }

  /** Where a keyboard would cover half the screen the focus is not taken unasked. */
  focusUnasked() {
    if (!this.#isTouch.matches) this.focus();
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

  #keyDown(event) {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event) || this.#isTouch.matches) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const content = writtenText(this.#text.value);
    if (content === "" || textLength(content) > this.#lengthMax || this.#draftKey === null) return this.focus();
    this.#text.value = "";
    this.#changed();
    this.emit("send", content);
    return this.focus();
  }

  #changed() {
    // With each key it would be the whole text each time; what was sent is gone at once.
    this.#draftTimer ??= setTimeout(() => this.#keepDraft(), draftMilliseconds);
    if (this.#text.value === "") this.#keepDraft();
    this.#fit();
  }

  #fit() {
    this.#grow();
    this.#showCount();
    this.emit("fitted");
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

  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#text.style.height = "auto";
    const border = this.#text.offsetHeight - this.#text.clientHeight;
    this.#text.style.height = `${this.#text.scrollHeight + border}px`;
  }

  #showCount() {
    const { value } = this.#text;
    const content = writtenText(value);
    // Counting is for the last stretch only; code units are never fewer than code points.
    const isNear = value.length > this.#lengthMax - counterFrom;
    const left = isNear ? this.#lengthMax - textLength(content) : Infinity;
    const key = left < 0 ? "characters_over" : "characters_left";
    this.#count.textContent = left <= counterFrom ? this.#language.t(key, { count: Math.abs(left) }) : "";
    this.#sayCount(left);
    this.#count.classList.toggle("is-over", left < 0);
    this.#text.setAttribute("aria-invalid", String(left < 0));
    this.#button.disabled = left < 0 || content === "";
  }

  #sayCount(left) {
    const index = left < 0 ? saidCounts.length : saidCounts.findLastIndex((count) => left <= count);
    if (index > this.#saidIndex) this.emit("say", this.#count.textContent);
    this.#saidIndex = index;
  }

  #showNote(text) {
    clearTimeout(this.#noteTimer);
    this.#note.textContent = text;
  }
}
