// SPDX-License-Identifier: Apache-2.0

import { Composer } from "./composer.js";
import { $ } from "./dom.js";
import { fillNotice } from "./hall-dialogs.js";
import { keepsOrder } from "./halls.js";
import { MessageList } from "./message-list.js";
import { setHeadingLevel } from "./navigation.js";
import { shownName } from "./users.js";
import { Emitter, dayNumber } from "./utils.js";

/**
 * The pane in the middle: one hall's history and input, or a notice in their place.
 * Emits send(content), retry(clientKey), discard(clientKey), read(), older(), reload(), latest(), arrived(messages);
 * opened(hallId), leaving(hallId); rendered() with each change of the rows, updated() after it.
 */
export class Conversation extends Emitter {
  #language;
  #list;
  #composer;
  #hall = null;
  #history = null;
  #newCount = 0;
  #newestId = null;
  #myId = null;
  /** What could not be loaded: everything, or what lies before a message. */
  #failure = null;
  #day = dayNumber(new Date());

  constructor({ language, storage }) {
    super();
    this.#language = language;
    this.#list = new MessageList({
      scroller: $("scroller"), log: $("log"), language, onRender: () => this.#rendered(),
    });
    this.#composer = new Composer({ form: $("composer"), storage, language });
    language.on("changed", () => {
      if (this.#hall) this.setHall(this.#hall);
      this.#showNewCount();
    });
    this.#composer.on("send", (content) => this.emit("send", content));
    // While text is pasted over other text the input is small for a moment, and the log is tall.
    this.#composer.on("edit", () => this.#list.noticeEnd());
    this.#composer.on("fitted", () => this.#list.holdEnd());
    this.#list.on("older", () => this.emit("older"));
    this.#list.on("end", (isAtEnd) => this.#reachedEnd(isAtEnd));
    this.#list.on("away", (isAway) => this.#showWayDown(isAway));
    $("new-messages").addEventListener("click", () => this.#goDown());
    $("to-latest").addEventListener("click", () => this.#goDown());
    $("history-retry").addEventListener("click", () => this.#retryHistory());
    $("log").addEventListener("click", (event) => this.#clicked(event));
  }

  get hallId() {
    return this.#hall?.id ?? null;
  }

  get hall() {
    return this.#hall;
  }

  get log() {
    return $("log");
  }

  get scroller() {
    return $("scroller");
  }

  /** What is loaded, without what was done to it here. */
  get messages() {
    return this.#history?.messages ?? [];
  }

  get isAtEnd() {
    return this.#list.isAtEnd;
  }

  get composer() {
    return this.#composer;
  }

  get list() {
    return this.#list;
  }

  /** `more` is what the list wants to know. */
  open({ hall, user, storageId, history, ...more }) {
    if (this.#hall) this.emit("leaving", this.#hall.id);
    this.#history = history;
    this.#newestId = history.isLoaded ? (history.messages.at(-1)?.id ?? 0) : null;
    this.#newCount = 0;
    this.#showNewCount();
    $("notice").hidden = true;
    $("scroller").hidden = false;
    this.#failure = null;
    this.#myId = user.id;
    this.#composer.open({ userId: storageId, hallId: hall.id });
    this.setHall(hall);
    this.#list.open({ history, myId: user.id, ...more });
    this.#showTop();
    this.emit("opened", hall.id);
  }

  setHall(hall) {
    this.#hall = hall;
    $("hall-name").textContent = shownName(hall.name);
    $("hall-name").hidden = false;
    setHeadingLevel($("notice-title"), null);
    $("hall-lock").toggleAttribute("hidden", !hall.private);
    $("hall-topic").textContent = $("hall-topic").title = shownName(hall.topic ?? "");
    $("set-topic").hidden = hall.archived || !keepsOrder(hall);
    this.#composer.name = hall.name;
    $("composer").hidden = Boolean(hall.archived);
    $("archived-note").hidden = !hall.archived;
    this.#showTop();
    this.#showNewCount();
  }

  update() {
    if (!this.#history) return;
    const arrived = this.#arrived();
    this.#list.noticeEnd();
    if (!this.#list.isAtEnd) this.#newCount += arrived.length;
    this.#list.update();
    this.#showNewCount();
    if (arrived.length > 0) this.emit("arrived", arrived);
    this.emit("updated");
  }

  /** Loaded afresh: from its end, with the mark of what is new. */
  restart() {
    this.#newCount = 0;
    this.#newestId = this.#history?.messages.at(-1)?.id ?? 0;
    this.#list.restart();
    this.update();
  }

  // What other people wrote since the last look; the first page of a hall is no news.
  #arrived() {
    const { messages, isLoaded } = this.#history;
    if (!isLoaded) return [];
    const from = this.#newestId === null ? messages.length : this.#history.indexOf(this.#newestId + 1);
    this.#newestId = messages.at(-1)?.id ?? 0;
    return messages.slice(from).filter((message) => message.sender_id !== this.#myId);
  }

  showFailure() {
    this.#failure = { wasLoaded: this.#history.isLoaded, oldest: this.#history.messages[0] };
    this.#list.pauseOlder();
    this.#list.keepPlace(() => this.#showTop());
  }

  #retryHistory() {
    this.#failure = null;
    this.#list.keepPlace(() => this.#showTop());
    this.#list.resumeOlder();
    this.emit(this.#history.isLoaded ? "older" : "reload");
  }

  // Over when what failed has come, by whatever way.
  #isFailureOver() {
    const { isLoaded, messages } = this.#history;
    return isLoaded && (!this.#failure.wasLoaded || messages[0] !== this.#failure.oldest);
  }

  /** What stands in the place of a hall. */
  showNotice(notice) {
    if (this.#hall) this.emit("leaving", this.#hall.id);
    this.#hall = this.#history = null;
    this.#list.close();
    this.#composer.close();
    this.#newCount = 0;
    this.#showNewCount();
    this.#showWayDown(false);
    $("hall-name").textContent = "";
    $("hall-name").hidden = true;
    setHeadingLevel($("notice-title"), 1);
    $("hall-lock").toggleAttribute("hidden", true);
    $("hall-topic").textContent = "";
    $("scroller").hidden = true;
    $("archived-note").hidden = true;
    fillNotice(notice);
  }

  /** Nothing of a hall is left. */
  clear() {
    this.showNotice({ title: "", lead: "" });
    $("notice").hidden = true;
    $("history-beginning").textContent = "";
  }

  /** While it is asked for what stands in the place of a hall. */
  showLoading() {
    this.clear();
    this.showNotice({ title: this.#language.t("loading"), lead: "", back: false });
    $("notice").classList.add("is-loading");
  }

  /** At midnight "today" becomes "yesterday"; a clock that came into another zone reads other hours. */
  lookAtDay() {
    const isOtherZone = this.#language.followZone();
    const today = dayNumber(new Date());
    if (today === this.#day && !isOtherZone) return;
    this.#day = today;
    this.#list.redraw();
  }

  goToEnd() {
    if (this.#history?.isBehind) this.emit("latest");
    this.#list.goToEnd();
  }

  #goDown() {
    this.goToEnd();
    this.#composer.focusUnasked();
  }

  #rendered() {
    this.#showTop();
    this.emit("rendered");
  }

  #showTop() {
    if (!this.#history || !this.#hall) return;
    const isLoaded = this.#history.isLoaded;
    if (this.#failure && this.#isFailureOver()) this.#failure = null;
    $("history-failed").hidden = this.#failure === null;
    const isEmpty = isLoaded && this.#history.messages.length === 0 && $("log").childElementCount === 0;
    const hasMore = this.#history.hasOlder || !this.#list.showsFirst;
    const isBeginning = isLoaded && !hasMore && !isEmpty;
    $("history-top").classList.toggle("is-loading", !isLoaded || hasMore);
    $("scroller").classList.toggle("is-first-load", !isLoaded);
    $("history-beginning").hidden = !isBeginning;
    $("history-beginning").textContent = this.#language.t("history_beginning", { name: this.#hall.name });
    // An empty hall is a state of its own: the notice speaks, the input stays.
    $("notice").hidden = true;
    const t = (key) => this.#language.t(key, { name: this.#hall.name });
    if (isEmpty) fillNotice({ title: t("history_empty_title"), lead: t("history_empty_lead"), back: false });
  }

  #reachedEnd(isAtEnd) {
    if (!isAtEnd) return;
    this.#newCount = 0;
    this.#showNewCount();
    this.emit("read");
  }

  #showNewCount() {
    const button = $("new-messages");
    const count = this.#countNew();
    button.hidden = count === 0;
    button.textContent = count > 0 ? this.#language.t("new_messages", { count }) : "";
    if (count > 0 || this.#list.isAtEnd) $("to-latest").hidden = true;
  }

  // What is not even loaded is counted by the hall's rev.
  #countNew() {
    if (this.#history?.isBehind) return Math.max(this.#newCount, this.#hall.rev - this.#history.rev);
    return this.#newCount;
  }

  #showWayDown(isAway) {
    $("to-latest").hidden = !isAway || this.#countNew() > 0;
  }

  #clicked(event) {
    const action = event.target.closest("[data-action]")?.dataset.action;
    const article = event.target.closest("article");
    if (action === "fold") this.#list.toggleFold(article);
    else if (action === "retry" || action === "discard") this.emit(action, article.dataset.clientKey);
  }

  /** The message of a row, as it is shown there. */
  messageAt(article) {
    return this.#history ? this.#list.messageAt(article) : undefined;
  }
}
