// SPDX-License-Identifier: Apache-2.0

import { $, FormDialog, copyOf, openDialog } from "./dom.js";
import { showHallIcons } from "./navigation.js";
import { shownName } from "./users.js";
import { Emitter, foldText, isComposing } from "./utils.js";

/** Making, finding, joining and leaving halls. Emits open(hallId), left(). */
export class HallDialogs extends Emitter {
  #session;
  #rest;
  #language;
  #create;
  #leave;
  #topic;
  #finder;
  #opener;
  #leaving = null;
  #named = null;

  constructor({ session, rest, language }) {
    super();
    this.#session = session;
    this.#rest = rest;
    this.#language = language;
    this.#create = new FormDialog({
      dialog: $("create-dialog"),
      language,
      submit: ({ name, private: isPrivate }) => session.create(name.trim(), isPrivate === "on"),
      done: ({ id }) => this.emit("open", id),
    });
    this.#leave = new FormDialog({
      dialog: $("leave-dialog"),
      language,
      submit: () => session.leave(this.#leaving),
      done: () => this.emit("left"),
    });
    this.#topic = new FormDialog({
      dialog: $("topic-dialog"),
      language,
      submit: ({ topic }) => rest.setTopic(this.#named, topic.trim()),
      done: () => {},
    });
    this.#finder = new HallPicker({ dialog: $("find-dialog"), texts: () => this.#texts("", "halls_none") });
    this.#finder.on("choose", ({ id }) => {
      this.#finder.close();
      this.emit("open", id);
    });
    this.#opener = new HallPicker({
      dialog: $("join-dialog"),
      texts: () => this.#texts(this.#language.t("join"), "open_halls_none"),
    });
    this.#opener.on("choose", ({ id }) => this.join(id, (text) => this.#opener.say(text)));
  }

  create() {
    this.#create.open();
  }

  find(halls) {
    this.#finder.open();
    this.#finder.show(halls);
  }

  async offerOpen() {
    this.#opener.open({ loading: this.#language.t("loading") });
    try {
      this.#opener.show(await this.#rest.openHalls());
    } catch {
      this.#opener.fail(this.#language.t("open_halls_failed"));
    }
  }

  /** What a hall is about. Open pages hear of it by an event, this one too. */
  setTopic(hall) {
    if (!hall) return;
    this.#named = hall.id;
    this.#topic.open();
    $("topic-input").value = hall.topic ?? "";
    $("topic-input").select();
  }

  leave(hall) {
    if (!hall) return;
    this.#leaving = hall.id;
    $("leave-title").textContent = this.#language.t("leave_title", { name: hall.name });
    $("leave-lead").textContent = this.#language.t(hall.private ? "leave_lead_private" : "leave_lead");
    this.#leave.open();
  }

  /** Joins and opens; `say` gets the sentence of why not. */
  async join(hallId, say) {
    try {
      await this.#session.join(hallId);
    } catch (error) {
      return void say(this.#language.error(error));
    }
    this.#opener.close();
    return void this.emit("open", hallId);
  }

  #texts(action, none) {
    const language = this.#language;
    return { action, none: language.t(none), nothingFound: language.t("nothing_found"), language };
  }
}

/** A dialog that offers halls with a filter; arrows move, Enter takes. Emits choose(hall). */
class HallPicker extends Emitter {
  #dialog;
  #filter;
  #list;
  #hint;
  #halls = [];
  #texts;

  /** `texts` says, at the time of use: action, none, nothing found, and in which language. */
  constructor({ dialog, texts }) {
    super();
    this.#dialog = dialog;
    this.#texts = texts;
    this.#filter = dialog.querySelector("input");
    this.#list = dialog.querySelector("ul");
    this.#hint = dialog.querySelector(".hint");
    this.#filter.addEventListener("input", () => this.#render());
    dialog.addEventListener("keydown", (event) => this.#keyDown(event));
    dialog.addEventListener("close", () => this.#list.replaceChildren());
    this.#list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.emit("choose", this.#halls.find(({ id }) => id === Number(button.dataset.hallId)));
    });
  }

  /** `loading` is said until the halls are there. */
  open({ loading = "" } = {}) {
    this.#filter.value = "";
    this.#halls = [];
    this.#dialog.classList.toggle("is-loading", loading !== "");
    this.say(loading);
    this.#list.replaceChildren();
    openDialog(this.#dialog);
  }

  close() {
    this.#dialog.close();
  }

  show(halls) {
    this.#dialog.classList.remove("is-loading");
    this.#halls = halls;
    this.#render();
  }

  /** They did not come. */
  fail(text) {
    this.#dialog.classList.remove("is-loading");
    this.say(text);
  }

  say(text) {
    this.#hint.textContent = text;
  }

  #render() {
    if (this.#dialog.classList.contains("is-loading")) return;
    const wanted = foldText(this.#filter.value.trim());
    const found = this.#halls.filter(({ name }) => foldText(name).includes(wanted));
    const { action, none, nothingFound, language } = this.#texts();
    this.#list.replaceChildren(...found.map((hall) => {
      const item = copyOf("choice-template");
      item.firstElementChild.dataset.hallId = hall.id;
      item.querySelector(".hall-label").textContent = shownName(hall.name);
      showHallIcons(item, hall, language);
      item.querySelector(".choice-action").textContent = action;
      return item;
    }));
    if (this.#halls.length === 0) this.say(none);
    else this.say(found.length === 0 ? nothingFound : "");
  }

  #keyDown(event) {
    if (isComposing(event)) return;
    const buttons = [...this.#list.querySelectorAll("button")];
    const index = buttons.indexOf(document.activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = index + (event.key === "ArrowDown" ? 1 : -1);
      (buttons[Math.min(next, buttons.length - 1)] ?? this.#filter).focus();
    } else if (event.key === "Enter" && document.activeElement === this.#filter) {
      event.preventDefault();
      buttons[0]?.click();
    }
  }
}

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
      const title = t("welcome_title", { name: this.#session.user.name });
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
