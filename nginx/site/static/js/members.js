// SPDX-License-Identifier: Apache-2.0

import { Emitter, initialOf, personHue, shownName } from "./utils.js";

/** The panel on the right: who is in the hall, and the way out. Emits leave(). */
export class MembersPanel extends Emitter {
  #panel;
  #rest;
  #language;
  #hallId = null;
  #members = null;
  #requested = 0;

  constructor({ panel, rest, language }) {
    super();
    this.#panel = panel;
    this.#rest = rest;
    this.#language = language;
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

  show(hallId) {
    const isSame = this.isOpen && this.#hallId === hallId;
    this.#panel.hidden = false;
    if (isSame) return;
    this.#hallId = hallId;
    this.#members = null;
    this.#render();
    this.load();
  }

  hide() {
    this.#panel.hidden = true;
    this.#hallId = this.#members = null;
    this.#render();
  }

  async load() {
    if (this.#hallId === null) return;
    const request = (this.#requested += 1);
    this.#panel.querySelector("#members-failed").hidden = true;
    try {
      const members = await this.#rest.members(this.#hallId);
      if (request !== this.#requested) return;
      this.#members = members;
      this.#render();
    } catch {
      if (request === this.#requested) this.#panel.querySelector("#members-failed").hidden = false;
    }
  }

  #render() {
    const list = this.#panel.querySelector("#members-list");
    const count = this.#panel.querySelector("#members-count");
    const members = [...(this.#members ?? [])].sort((left, right) => this.#language.compare(left.username, right.username));
    count.textContent = this.#members ? this.#language.t("members_count", { count: members.length }) : "";
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
