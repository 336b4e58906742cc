// SPDX-License-Identifier: Apache-2.0

import { frame } from "./frame.js";
import { Emitter, isComposing, textLength, writtenText } from "./utils.js";

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

  focusUnasked() {
    if (!isTouch() && frame.mayTakeFocus) this.focus();
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

const counterFrom = 200;
// Where what is left is said aloud; with each key it would be too much.
const saidCounts = [200, 100, 50, 20, 10, 5, 0];
const touch = matchMedia("(hover: none) and (pointer: coarse)");

/** Whether one writes with a keyboard on the screen: Enter breaks there, and the focus is not taken unasked. */
export const isTouch = () => touch.matches;

/**
 * A box in which a message is written: it grows, counts what is left, and Enter submits where there are keys for it.
 * Emits submit(), edit() before its text changes, input() after, fitted(), say(text).
 */
export class TextField extends Emitter {
  #text;
  #count;
  #language;
  #lengthMax = Infinity;
  #saidIndex = -1;

  constructor({ text, count, language, enterKeyHint }) {
    super();
    this.#text = text;
    this.#count = count;
    this.#language = language;
    language.on("changed", () => this.#showCount());
    text.addEventListener("beforeinput", () => this.emit("edit"));
    text.addEventListener("input", () => this.#changed());
    text.addEventListener("keydown", (event) => this.#keyDown(event));
    const hint = () => (text.enterKeyHint = isTouch() ? "enter" : enterKeyHint);
    touch.addEventListener("change", hint);
    hint();
  }

  set lengthMax(value) {
    this.#lengthMax = value;
    this.#showCount();
  }

  get value() {
    return this.#text.value;
  }

  set value(value) {
    this.#text.value = value;
    this.fit();
  }

  /** What would be sent; "" where there is nothing to see. */
  get content() {
    return writtenText(this.#text.value);
  }

  get isTooLong() {
    return textLength(this.content) > this.#lengthMax;
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** As by a key; where the focus is elsewhere nothing is written. */
  write(text) {
    if (document.activeElement !== this.#text) return;
    this.#text.setRangeText(text, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#changed();
  }

  /** Empties it, as who writes would. */
  empty() {
    this.#text.value = "";
    this.#changed();
  }

  /** Its text, or the place for it, is another. */
  fit() {
    this.#grow();
    this.#showCount();
    this.emit("fitted");
  }

  #keyDown(event) {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event) || isTouch()) return;
    event.preventDefault();
    this.emit("submit");
  }

  #changed() {
    this.emit("input");
    this.fit();
  }

  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#text.style.height = "auto";
    const border = this.#text.offsetHeight - this.#text.clientHeight;
    this.#text.style.height = `${this.#text.scrollHeight + border}px`;
  }

  #showCount() {
    // Counting is for the last stretch only; code units are never fewer than code points.
    const isNear = this.#text.value.length > this.#lengthMax - counterFrom;
    const left = isNear ? this.#lengthMax - textLength(this.content) : Infinity;
    const key = left < 0 ? "characters_over" : "characters_left";
    this.#count.textContent = left <= counterFrom ? this.#language.t(key, { count: Math.abs(left) }) : "";
    this.#sayCount(left);
    this.#count.classList.toggle("is-over", left < 0);
    this.#text.setAttribute("aria-invalid", String(left < 0));
  }

  #sayCount(left) {
    const index = left < 0 ? saidCounts.length : saidCounts.findLastIndex((count) => left <= count);
    if (index > this.#saidIndex) this.emit("say", this.#count.textContent);
    this.#saidIndex = index;
  }
}
