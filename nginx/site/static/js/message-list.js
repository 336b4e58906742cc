// SPDX-License-Identifier: Apache-2.0

import { distanceToEnd, firstInSight, scrollToNearest, sizesOf } from "./dom.js";
import { createRow, updateRow } from "./message-view.js";
import { layoutRows } from "./messages.js";
import { OlderPause } from "./sync.js";
import { NewMark } from "./unread.js";
import { Emitter } from "./utils.js";

const rowsMax = 300;
const step = 60;
const endDistance = 48;
const nearDistance = 900;

/**
 * Shows a window of at most 300 messages of one history and keeps the line under the reader's eye where it is.
 * Emits older() when it needs a page from the server, end(isAtEnd) when the reader reaches or leaves the end, moved() when
 * something else may be before the reader's eyes.
 */
export class MessageList extends Emitter {
  #scroller;
  #log;
  #language;
  #history = null;
  #pending;
  #apply;
  #myId = null;
  #personOf;
  #views = new Map();
  /** The window: ids of its first and last message; a last of null holds on to the end. */
  #first = null;
  #last = null;
  newMark = new NewMark();
  /** The rows of long messages that somebody wanted to see whole. */
  #unfolded = new Set();
  #isAtEnd = true;
  /** The heights and the width at which the reader was last seen to be at the end or not. */
  #sizes = "";
  #showsFirst = true;
  #isScheduled = false;
  #olderPause = new OlderPause(() => this.#lookSoon());
  /** Where the reader was when nothing moved: [key of the first visible row, its distance from the top]. */
  #place = null;
  #width = 0;
  #onRender;

  /** `onRender` may change the heights of what stands around the rows: the line under the eye stays all the same. */
  constructor({ scroller, log, language, onRender }) {
    super();
    this.#scroller = scroller;
    this.#log = log;
    this.#language = language;
    this.#onRender = onRender;
    language.on("changed", () => this.redraw());
    scroller.addEventListener("scroll", () => this.#lookSoon(), { passive: true });
    const resized = new ResizeObserver(() => this.#resized());
    resized.observe(scroller);
    resized.observe(scroller.firstElementChild);
  }

  get isAtEnd() {
    return this.#isAtEnd;
  }

  get showsFirst() {
    return this.#showsFirst;
  }

  /** `pending()` is what is on its way, `apply(message)` a message with what was done to it here. */
  open({ history, pending, apply, personOf, myId, unreadAfter }) {
    this.#history = history;
    this.#pending = pending;
    this.#apply = apply;
    this.#personOf = personOf;
    this.#myId = myId;
    this.newMark.set(unreadAfter);
    this.#unfolded.clear();
    this.#olderPause.end();
    this.restart();
  }

  /** From the end again; also when the history was loaded afresh. */
  restart() {
    this.#clear();
    this.newMark.lose();
    this.#first = this.#last = null;
    this.#isAtEnd = true;
    this.#place = null;
    this.#keep(() => this.#render());
    this.#lookSoon();
  }

  close() {
    this.#history = null;
    this.#olderPause.end();
    this.#clear();
  }

  /** Every row anew: another language, another day. */
  redraw() {
    if (!this.#history) return;
    this.keepPlace(() => {
      this.#clear();
      this.#render();
    });
  }

  pauseOlder() {
    this.#olderPause.begin();
  }

  resumeOlder() {
    this.#olderPause.end();
    this.#lookSoon();
  }

  update() {
    if (!this.#history) return;
    this.keepPlace(() => this.#render());
    this.#lookSoon();
  }

  goToEnd() {
    this.#last = null;
    this.#first = null;
    this.#isAtEnd = true;
    if (!this.#history) return;
    this.#keep(() => this.#render());
    this.#lookSoon();
    this.#setAtEnd(true, { always: true });
  }

  /** Shows the line before what is new, a third from the top; if it is loaded, and there is something. */
  goToNew() {
    this.newMark.find(this.#history, this.#myId);
    if (this.newMark.id === null) return;
    const { messages } = this.#history;
    const index = this.#history.indexOf(this.newMark.id);
    this.#first = messages[Math.max(0, index - step)].id;
    this.#last = messages[index + step]?.id ?? null;
    this.#setAtEnd(false);
    this.#render();
    const { top } = this.#views.get("unread").getBoundingClientRect();
    const { scrollTop, clientHeight } = this.#scroller;
    this.#scroller.scrollTop = scrollTop + top - this.#scroller.getBoundingClientRect().top - clientHeight / 3;
    this.#sizes = sizesOf(this.#scroller);
    this.#lookSoon();
  }

  /** What is under the log changed its height, perhaps more than once: who was at the end is there again. */
  holdEnd() {
    if (this.#history && this.#isAtEnd) this.#scrollToEnd();
  }

  /**
   * Whether the reader has left the end or come to it. The browser says so with the next frame only; what changes the
   * rows before that must not throw them back. And it scrolls where the log or the input got another height: that is
   * nobody's choice, and who was at the end stays there.
   */
  noticeEnd() {
    if (!this.#history || this.#scroller.clientHeight === 0) return;
    const mayBe = this.#last === null && !this.#history.isBehind;
    const isNear = distanceToEnd(this.#scroller) < endDistance;
    if (this.#isAtEnd && mayBe && !isNear && this.#sizes !== sizesOf(this.#scroller)) return void this.#scrollToEnd();
    this.#sizes = sizesOf(this.#scroller);
    this.#setAtEnd(mayBe && isNear);
  }

  /** Changes something around the rows or in them; the line under the reader's eye stays where it is. */
  keepPlace(change) {
    this.noticeEnd();
    this.#keep(change);
  }

  #keep(change) {
    if (this.#isAtEnd) {
      change();
      this.#scrollToEnd();
      return;
    }
    const place = this.#placeNow();
    change();
    this.#goTo(place);
  }

  /** Shows a long message whole, or its beginning again. Its head stays where it is, also for who was at the end. */
  toggleFold(article) {
    const [key] = [...this.#views].find(([, element]) => element === article);
    if (!this.#unfolded.delete(key)) this.#unfolded.add(key);
    const { top } = article.getBoundingClientRect();
    this.#render();
    this.#scroller.scrollTop += article.getBoundingClientRect().top - top;
    if (!this.#unfolded.has(key)) scrollToNearest(article, this.#scroller);
    this.#sizes = sizesOf(this.#scroller);
    this.noticeEnd();
  }

  /** Moves the focus by rows of messages; from outside it goes to the last. */
  moveFocus(distance) {
    const messages = [...this.#log.querySelectorAll("article")];
    const index = messages.indexOf(document.activeElement?.closest("article"));
    const next = index < 0 ? messages.at(-1) : messages[Math.min(Math.max(index + distance, 0), messages.length - 1)];
    next?.focus({ preventScroll: true });
    scrollToNearest(next, this.#scroller);
  }

  rowOf(id) {
    return this.#log.querySelector(`article[data-message-id="${id}"]`);
  }

  messageAt(article) {
    const { messageId, clientKey } = article?.dataset ?? {};
    const message = this.#history.get(Number(messageId));
    return message ? this.#apply(message) : this.#pending().find(({ client_key: key }) => key === clientKey);
  }

  #clear() {
    this.#views.clear();
    this.#log.replaceChildren();
  }

  #render() {
    const { messages } = this.#history;
    this.newMark.find(this.#history, this.#myId);
    let end = this.#last === null ? messages.length : this.#history.indexOf(this.#last) + 1;
    let start = this.#first === null ? Math.max(0, end - step) : this.#history.indexOf(this.#first);
    if (end - start > rowsMax) {
      if (this.#isAtEnd) start = end - rowsMax;
      else end = start + rowsMax;
    }
    this.#first = messages[start]?.id ?? null;
    this.#last = end < messages.length ? messages[end - 1].id : null;
    this.#showsFirst = start === 0;
    const pending = this.#last === null ? this.#pending() : [];
    const shown = [...messages.slice(start, end).map(this.#apply), ...pending];
    this.#reconcile(layoutRows(shown, { unreadId: this.newMark.id, myId: this.#myId }));
    this.#log.dataset.count = shown.length;
    this.#onRender();
  }

  #reconcile(rows) {
    const elements = rows.map((row) => this.#elementOf(row));
    const kept = new Set(rows.map(({ key }) => key));
    for (const [key, element] of this.#views) {
      if (kept.has(key)) continue;
      this.#views.delete(key);
      element.remove();
    }
    let cursor = this.#log.firstChild;
    for (const element of elements) {
      if (element === cursor) cursor = cursor.nextSibling;
      else this.#log.insertBefore(element, cursor);
    }
  }

  #elementOf(row) {
    row.isUnfolded = this.#unfolded.has(row.key);
    row.person = row.message && this.#personOf(row.message);
    const unnamed = row.message?.client_key && `id:${row.message.id}`;
    // The echo came before we knew its key: the same row goes on under its final name.
    if (unnamed && this.#views.has(unnamed) && !this.#views.has(row.key)) {
      this.#views.set(row.key, this.#views.get(unnamed));
      this.#views.delete(unnamed);
    }
    const known = this.#views.get(row.key);
    if (known) {
      updateRow(known, row, this.#language);
      return known;
    }
    const element = createRow(row, this.#language);
    this.#views.set(row.key, element);
    return element;
  }

  #placeNow() {
    const { top, height } = this.#scroller.getBoundingClientRect();
    const anchor = firstInSight(this.#log.querySelectorAll("article"), top, top + height / 2);
    const key = anchor && [...this.#views].find(([, element]) => element === anchor)?.[0];
    return [key, anchor?.getBoundingClientRect().top - top];
  }

  #goTo([key, distance]) {
    const row = this.#views.get(key);
    if (!row) return;
    const moved = row.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top - distance;
    if (moved !== 0) this.#scroller.scrollTop += moved;
  }

  // Another width breaks the lines elsewhere; and a pane that was hidden has no place of its own.
  #resized() {
    const { clientWidth } = this.#scroller;
    if (this.#isAtEnd) this.#scrollToEnd();
    else if (clientWidth > 0 && clientWidth !== this.#width && this.#place) this.#goTo(this.#place);
    this.#width = clientWidth;
    this.#lookSoon();
  }

  #scrollToEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#sizes = sizesOf(this.#scroller);
  }

  // Also after a page came: at the very top there is no scroll event that would ask for the next.
  #lookSoon() {
    if (this.#isScheduled || !this.#history) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      if (this.#history) this.#look();
    });
  }

  #look() {
    // A hidden pane is neither at its end nor near its top; when it is shown again it is looked at again.
    if (this.#scroller.clientHeight === 0) return;
    this.noticeEnd();
    const { scrollTop, clientHeight, clientWidth } = this.#scroller;
    const below = distanceToEnd(this.#scroller);
    if (scrollTop < nearDistance) this.#extendUp();
    if (below < nearDistance && this.#last !== null) this.#extendDown();
    this.emit("away", this.#last !== null || below > clientHeight);
    if (clientWidth === this.#width) this.#place = this.#placeNow();
    this.emit("moved");
  }

  #extendUp() {
    const start = this.#first === null ? 0 : this.#history.indexOf(this.#first);
    if (start === 0) {
      if (this.#history.hasOlder && this.#olderPause.isOver) this.emit("older");
      return;
    }
    this.#olderPause.shorten();
    this.#keep(() => {
      this.#first = this.#history.messages[Math.max(0, start - step)].id;
      this.#render();
    });
    this.#lookSoon();
  }

  #extendDown() {
    const { messages } = this.#history;
    const end = Math.min(this.#history.indexOf(this.#last) + 1 + step, messages.length);
    const start = Math.max(this.#history.indexOf(this.#first), end - rowsMax);
    this.#keep(() => {
      this.#first = messages[start].id;
      this.#last = end < messages.length ? messages[end - 1].id : null;
      this.#render();
    });
  }

  #setAtEnd(isAtEnd, { always = false } = {}) {
    if (isAtEnd === this.#isAtEnd && !always) return;
    this.#isAtEnd = isAtEnd;
    this.emit("end", isAtEnd);
  }
}
