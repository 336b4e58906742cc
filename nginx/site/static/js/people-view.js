// SPDX-License-Identifier: Apache-2.0

import { hallAddress } from "./addresses.js";
import { $, copyOf } from "./dom.js";
import { Members, initialOf, personHue, shownName } from "./users.js";
import { Emitter } from "./utils.js";

const openKey = "halls.members";

/**
 * Who is in the hall, and the way out: a panel beside the conversation, which stays as it was left, or on a phone a pane with
 * an address of its own. Emits leave().
 */
export class MembersPanel extends Emitter {
  #panel;
  #toggle;
  #storage;
  #language;
  #panes;
  #trail;
  #members;
  /** The hall in view; that whose members are shown is theirs. */
  #viewedId = null;

  constructor({ panel, toggle, rest, storage, language, panes, trail }) {
    super();
    this.#panel = panel;
    this.#toggle = toggle;
    this.#members = new Members({ rest });
    this.#storage = storage;
    this.#language = language;
    this.#panes = panes;
    this.#trail = trail;
    toggle.addEventListener("click", () => this.toggle());
    panel.querySelector("#members-close").addEventListener("click", () => this.toggle());
    panel.querySelector("#members-retry").addEventListener("click", () => this.#members.load());
    panel.querySelector("#leave-hall").addEventListener("click", () => this.emit("leave"));
    this.#members.on("changed", () => this.#render());
    language.on("changed", () => this.#render());
  }

  get isOpen() {
    return !this.#panel.hidden;
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
    const isSame = this.isOpen && this.#members.hallId === hallId;
    this.#panel.hidden = false;
    if (!isSame) this.#members.follow(hallId);
  }

  #hide() {
    this.#panel.hidden = true;
    this.#members.follow(null);
  }

  #render() {
    const list = this.#panel.querySelector("#members-list");
    const count = this.#panel.querySelector("#members-count");
    const { all, isLoading, hasFailed } = this.#members;
    const members = [...(all ?? [])].sort((left, right) => this.#language.compare(left.username, right.username));
    const text = isLoading ? this.#language.t("loading") : "";
    count.textContent = all ? this.#language.t("members_count", { count: members.length }) : text;
    this.#panel.classList.toggle("is-loading", isLoading);
    this.#panel.querySelector("#members-failed").hidden = !hasFailed;
    list.replaceChildren(...members.map((member) => {
      const item = copyOf("member-template");
      fillDisc(item.querySelector(".disc"), member);
      item.querySelector(".member-name").textContent = shownName(member.username);
      item.querySelector(".member-role").textContent = member.role === "owner" ? this.#language.t("owner") : "";
      return item;
    }));
  }
}

/** The disc with a person's initial, in their colour. */
function fillDisc(disc, { id, username }) {
  disc.textContent = initialOf(username);
  disc.style.setProperty("--hue", personHue(id));
}

/** Who is signed in, at the foot of the halls; null for nobody. */
export function showMe(user) {
  const disc = $("me-disc");
  $("me-name").textContent = user ? shownName(user.username) : "";
  if (user) fillDisc(disc, user);
  else disc.textContent = "";
}
