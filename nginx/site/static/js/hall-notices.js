// SPDX-License-Identifier: Apache-2.0

import { $ } from "./dom.js";

/** What stands in the place of a hall that is not shown: none is chosen, or it is not mine, or no longer. */
export class HallNotices {
  #conversation;
  #session;
  #rest;
  #language;

  constructor({ conversation, session, rest, language }) {
    this.#conversation = conversation;
    this.#session = session;
    this.#rest = rest;
    this.#language = language;
  }

  showNoHall() {
    const t = (key, values) => this.#language.t(key, values);
    if (this.#session.halls.all().length > 0) {
      this.#conversation.showNotice({ title: t("choose_title"), lead: t("choose_lead"), back: false });
    } else {
      const title = t("welcome_title", { name: this.#session.user.username });
      this.#conversation.showNotice({ title, lead: t("welcome_lead"), join: t("join_hall"), create: true, back: false });
    }
  }

  /** A hall I am not in: open to join, or unknown. `isWanted()` says whether it is still asked for. */
  async showStranger(hallId, isWanted) {
    this.#conversation.showLoading();
    const { hall, error } = await this.#findOpen(hallId);
    if (!isWanted()) return;
    const t = (key, values) => this.#language.t(key, values);
    if (error) {
      // Whether there is such a hall nobody has said.
      this.#conversation.showNotice({ title: t("hall_failed_title"), lead: this.#language.error(error), retry: true });
    } else if (hall) {
      const title = t("open_hall_title", { name: hall.name });
      this.#conversation.showNotice({ title, lead: t("open_hall_lead"), join: t("join") });
    } else this.#conversation.showNotice({ title: t("not_found_title"), lead: t("not_found_lead") });
  }

  async showRemoved(hallId, isWanted) {
    const name = $("hall-name").textContent;
    const t = (key, values) => this.#language.t(key, values);
    const notice = { title: t("removed_title", { name }), lead: t("removed_lead") };
    this.#conversation.showNotice(notice);
    $("notice-title").focus();
    const { hall } = await this.#findOpen(hallId);
    if (hall && isWanted()) this.#conversation.showNotice({ ...notice, join: t("join_again") });
  }

  async #findOpen(hallId) {
    try {
      return { hall: (await this.#rest.openHalls()).find(({ id }) => id === hallId) };
    } catch (error) {
      return { error };
    }
  }
}

/** Its words, and what can be done: `join` is what the button for that says. */
export function fillNotice({ title, lead, join = null, retry = false, create = false, back = true }) {
  $("notice").hidden = false;
  $("notice").classList.remove("is-loading");
  $("notice-title").textContent = title;
  $("notice-title").hidden = title === "";
  $("notice-lead").textContent = lead;
  $("notice-join").hidden = join === null;
  $("notice-join").textContent = join ?? "";
  $("notice-retry").hidden = !retry;
  $("notice-create").hidden = !create;
  $("notice-back").hidden = !back;
}
