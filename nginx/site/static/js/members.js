// SPDX-License-Identifier: Apache-2.0

import { Emitter, hallAddress, initialOf, personHue, shownName } from "./utils.js";

const openKey = "halls.members";

/**
 * Who is in the hall, and the way out: a panel beside the conversation, which stays as it was left, or on a phone a pane with
 * an address of its own. Emits leave().
 */
export class MembersPanel extends Emitter {
  #panel;
  #toggle;
  #rest;
  #storage;
  #language;
  #panes;
  #trail;
  /** The hall in view, and the one whose members are shown. */
  #viewedId = null;
  #hallId = null;
  #members = null;
  #requested = 0;

  constructor({ panel, toggle, rest, storage, language, panes, trail }) {
    super();
    this.#panel = panel;
    this.#toggle = toggle;
    this.#rest = rest;
    this.#storage = storage;
    this.#language = language;
    this.#panes = panes;
    this.#trail = trail;
    toggle.addEventListener("click", () => this.toggle());
    panel.querySelector("#members-close").addEventListener("click", () => this.toggle());
    panel.querySelector("#members-retry").addEventListener("click", () => this.load());
    panel.querySelector("#leave-hall").addEventListener("click", () => this.emit("leave"));
  }

  get isOpen() {
    return !this.#panel.hidden;
  }

  setLanguage(language) {
    this.#language = language;
    this.#render();
  }

  /** A hall came into view, or none; `isInAddress` says that the address names its members. */
  follow(hallId, isInAddress = false) {
    this.#viewedId = hallId;
    const isWanted = this.#panes.isNarrow ? isInAddress : this.#storage.get(openKey) === true;
    if (hallId !== null && isWanted) this.#show(hallId);
    else this.#hide();
    this.#toggle.hidden = hallId === null;
    this.#toggle.setAttribute("aria-expanded", String(this.isOpen));
  }

  toggle() {
    const hallId = this.#viewedId;
    if (hallId === null) return;
    if (this.#panes.isNarrow) {
      if (this.isOpen) this.#trail.back(hallAddress(hallId));
      else this.#trail.go(hallAddress(hallId, { members: true }));
      return;
    }
    this.#storage.set(openKey, !this.isOpen);
    this.follow(hallId);
    if (this.isOpen) this.#panel.querySelector("#members-title").focus();
    else this.#toggle.focus();
  }

  #show(hallId) {
    const isSame = this.isOpen && this.#hallId === hallId;
    this.#panel.hidden = false;
    if (isSame) return;
    this.#hallId = hallId;
    this.#members = null;
    this.#render();
    this.load();
  }

  #hide() {
    this.#panel.hidden = true;
    this.#hallId = this.#members = null;
    this.#requested += 1;
    this.#showLoading(false);
  }

  async load() {
    if (this.#hallId === null) return;
    const request = (this.#requested += 1);
    this.#panel.querySelector("#members-failed").hidden = true;
    this.#showLoading(true);
    try {
      const members = await this.#rest.members(this.#hallId);
      if (request !== this.#requested) return;
      this.#members = members;
      this.#showLoading(false);
    } catch {
      if (request !== this.#requested) return;
      this.#showLoading(false);
      this.#panel.querySelector("#members-failed").hidden = false;
    }
  }

  #showLoading(isLoading) {
    this.#panel.classList.toggle("is-loading", isLoading);
    this.#render();
  }

  #render() {
    const list = this.#panel.querySelector("#members-list");
    const count = this.#panel.querySelector("#members-count");
    const members = [...(this.#members ?? [])].sort((left, right) => this.#language.compare(left.username, right.username));
    const isLoading = this.#panel.classList.contains("is-loading");
    const text = isLoading ? this.#language.t("loading") : "";
    count.textContent = this.#members ? this.#language.t("members_count", { count: members.length }) : text;
    const template = document.getElementById("member-template").content.firstElementChild;
    list.replaceChildren(...members.map((member) => {
      const item = template.cloneNode(true);
      const disc = item.querySelector(".disc");
      disc.textContent = initialOf(member.username);
      disc.style.setProperty("--hue", personHue(member.id));
      item.querySelector(".member-name").textContent = shownName(member.username);
      item.querySelector(".member-role").textContent = member.role === "owner" ? this.#language.t("owner") : "";
      return item;
    }));
  }
}
