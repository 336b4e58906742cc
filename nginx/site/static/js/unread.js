// SPDX-License-Identifier: Apache-2.0

import { lastWhole } from "./dom.js";

const pagesMax = 10;
const seenMilliseconds = 200;

/** Which message is the first that is new, in a list that shows a line before it. */
export class NewMark {
  #after = null;
  #id = null;

  get id() {
    return this.#id;
  }

  /** What comes after a rev is new; null takes the mark away. */
  set(rev) {
    this.#after = rev;
    this.#id = null;
  }

  // With every change anew: with more than a page unread, the first of it comes with an older one.
  find(history, myId) {
    if (this.#after === null) return;
    const first = history.reaches(this.#after) && history.firstUnread(this.#after, myId);
    this.#id = first ? first.id : null;
  }

  /** Seen to the end: what comes from now on comes before the reader's eyes and gets no mark. */
  settle(history) {
    if (this.#id === null && history?.reaches(this.#after)) this.#after = null;
  }

  /** Another history: its messages have other ids. */
  lose() {
    this.#id = null;
  }
}

/**
 * Leads who opens a hall with unread messages to the first of them, also where it lies some pages before the newest. What is
 * farther away is left to who scrolls there: the hall stays at its end.
 */
export class UnreadLead {
  #conversation;
  #session;
  #done;
  /** The hall that is led through, and how far it was read; null for none. */
  #way = null;
  #isWalking = false;

  /** `done()` is called when a way ends, wherever it has led. */
  constructor({ conversation, session, done }) {
    this.#conversation = conversation;
    this.#session = session;
    this.#done = done;
  }

  /** Until then nobody has seen what stands at the end. */
  get isUnderWay() {
    return this.#way !== null;
  }

  /** A hall is opened; `after` is null where nothing in it is unread. */
  begin(hallId, after) {
    this.#way = after === null ? null : { hallId, after };
    this.follow();
  }

  /** The reader goes somewhere else. */
  cancel() {
    this.#way = null;
  }

  /** The hall that is opened may be loaded now, with all that is known to be in it. */
  async follow() {
    const way = this.#way;
    if (!way || this.#isWalking || !this.#isCurrent(way.hallId)) return;
    this.#isWalking = true;
    await this.#walk(way);
    this.#isWalking = false;
    if (this.#way !== way) return void this.follow();
    this.#way = null;
    // Who has scrolled meanwhile is where they want to be.
    const { list } = this.#conversation;
    list.noticeEnd();
    if (list.isAtEnd) list.goToNew();
    this.#done();
  }

  #isCurrent(hallId) {
    const history = this.#session.histories.of(hallId);
    return history.isLoaded && history.rev >= (this.#session.halls.get(hallId)?.rev ?? 0);
  }

  async #walk(way) {
    const history = this.#session.histories.of(way.hallId);
    const pageSize = history.messages.length;
    for (let page = 0; page < pagesMax && this.#way === way && !history.reaches(way.after); page += 1) {
      const [oldest] = history.messages;
      // What would not be reached is not begun.
      if (!oldest || oldest.rev - way.after - 1 > (pagesMax - page) * pageSize) return;
      try {
        await this.#session.loadOlder(way.hallId);
      } catch {
        return;
      }
      if (history.messages[0] === oldest) return;
    }
  }
}

/** The last message that is before the reader's eyes as a whole; undefined for none. */
export function lastSeen({ log, scroller }, history) {
  const row = lastWhole(log.querySelectorAll("article[data-message-id]"), scroller.getBoundingClientRect().bottom);
  return row && history.get(Number(row.dataset.messageId));
}

/** Calls `look()` when somebody comes to the end, and now and then while they scroll. */
export function watchReading(conversation, look) {
  let timer = null;
  conversation.on("read", look);
  conversation.list.on("moved", () => {
    timer ??= setTimeout(() => {
      timer = null;
      look();
    }, seenMilliseconds);
  });
}
