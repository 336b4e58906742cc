// SPDX-License-Identifier: Apache-2.0

import { Emitter, isComposing, textLength, writtenText } from "./utils.js";

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
