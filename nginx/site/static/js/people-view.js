// SPDX-License-Identifier: Apache-2.0

import { $, FormDialog, copyOf } from "./dom.js";
import { RequestError, hallAddress } from "./server.js";
import { Members, hueOf, initialsOf, pathOf, shownName } from "./users.js";
import { Emitter, textLength } from "./utils.js";

const openKey = "halls.members";
const nameLengthMax = 100;
const hueStep = 30;

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
  #people;
  /** The rows by the id of who is in them. */
  #items = new Map();
  /** The hall in view; that whose members are shown is theirs. */
  #viewedId = null;

  constructor({ panel, toggle, rest, people, storage, language, panes, trail }) {
    super();
    this.#panel = panel;
    this.#toggle = toggle;
    this.#members = new Members({ rest, people });
    this.#people = people;
    this.#storage = storage;
    this.#language = language;
    this.#panes = panes;
    this.#trail = trail;
    toggle.addEventListener("click", () => this.toggle());
    panel.querySelector("#members-close").addEventListener("click", () => this.toggle());
    panel.querySelector("#members-retry").addEventListener("click", () => this.#members.load());
    panel.querySelector("#leave-hall").addEventListener("click", () => this.emit("leave"));
    this.#members.on("changed", () => this.render());
    language.on("changed", () => this.render());
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

  render() {
    const list = this.#panel.querySelector("#members-list");
    const count = this.#panel.querySelector("#members-count");
    const { all, isLoading, hasFailed } = this.#members;
    const compare = (left, right) => this.#language.compare(left.name, right.name) || left.id - right.id;
    const members = (all ?? []).map(({ id, username, role }) => ({ ...this.#people.of(id, username), role })).sort(compare);
    const text = isLoading ? this.#language.t("loading") : "";
    count.textContent = all ? this.#language.t("members_count", { count: members.length }) : text;
    this.#panel.classList.toggle("is-loading", isLoading);
    this.#panel.querySelector("#members-failed").hidden = !hasFailed;
    this.#items = new Map(members.map((member) => [member.id, this.#itemOf(member)]));
    list.replaceChildren(...this.#items.values());
  }

  #itemOf(member) {
    const item = this.#items.get(member.id) ?? copyOf("member-template");
    fillDisc(item.querySelector(".disc"), member);
    fillName(item.querySelector(".member-name"), withHandle(member));
    item.querySelector(".member-role").textContent = member.role === "owner" ? this.#language.t("owner") : "";
    return item;
  }
}

/** What others see of me, and may be changed: the name and the colour. */
export class ProfileDialog {
  #people;
  #rest;
  #language;
  #form = $("profile-dialog").querySelector("form");

  /** `done()` when it was saved. */
  constructor({ people, rest, language, done }) {
    this.#people = people;
    this.#rest = rest;
    this.#language = language;
    const dialog = new FormDialog({ dialog: $("profile-dialog"), language, submit: () => this.#save(), done });
    $("open-profile").addEventListener("click", () => {
      dialog.open();
      this.#fill();
    });
    this.#form.addEventListener("input", () => this.#preview());
    // Who looks into the page when I am gone finds nothing of me.
    $("profile-dialog").addEventListener("close", () => {
      this.#form.reset();
      showPerson("profile", null);
    });
  }

  /** The name as it was chosen; "" where there is none but the username. */
  get #chosenName() {
    const { name, username } = this.#people.me;
    return name === username ? "" : name;
  }

  get #wanted() {
    const { name, picture = this.#people.me.picture } = Object.fromEntries(new FormData(this.#form));
    return { name: name.trim(), picture };
  }

  #fill() {
    const { picture } = this.#people.me;
    this.#form.elements.name.value = this.#chosenName;
    $("profile-hues").replaceChildren(...this.#language.t("hues").split(", ").map((label, index) => {
      const value = `hue:${index * hueStep}`;
      const radio = elementOf("input", { type: "radio", name: "picture", value, title: label, ariaLabel: label });
      radio.checked = value === picture;
      radio.style.setProperty("--hue", index * hueStep);
      return radio;
    }));
    this.#preview();
  }

  #preview() {
    const { me } = this.#people;
    const { name, picture } = this.#wanted;
    showPerson("profile", { ...me, name: name || me.username, picture });
  }

  // Only what became another: one may change it a few times a day.
  async #save() {
    const { name, picture } = this.#wanted;
    const profile = {};
    if (name !== this.#chosenName) profile.name = name;
    if (picture !== this.#people.me.picture) profile.picture = picture;
    if (textLength(name) > nameLengthMax) throw new RequestError("invalid_name", { problem: { limit: nameLengthMax } });
    if (Object.keys(profile).length === 0) return;
    try {
      this.#people.take([await this.#rest.changeMe(profile)]);
    } catch (error) {
      throw error.code === "rate_limited" ? new RequestError("profile_limited") : error;
    }
  }
}

const elementOf = (tag, values) => Object.assign(document.createElement(tag), values);

/** The disc of a person: their picture, or as long as there is none their initials, in their colour. */
export function fillDisc(disc, person) {
  const path = pathOf(person);
  const initials = initialsOf(person.name);
  const shown = initials + path;
  disc.dataset.personId = person.id;
  disc.style.setProperty("--hue", hueOf(person));
  if (disc.shown === shown) return;
  disc.shown = shown;
  disc.textContent = initials;
  if (!path) return;
  const image = elementOf("img", { alt: "", loading: "lazy", decoding: "async", referrerPolicy: "no-referrer" });
  image.onload = () => disc.shown === shown && disc.replaceChildren(image);
  image.onerror = () => image.remove();
  disc.append(image);
  image.src = path;
}

/** A name, and beside it what tells who has it from others. */
export function fillName(element, { name, handle = "" }) {
  const shown = `${name} ${handle}`.trim();
  if (element.title === shown) return;
  element.title = shown;
  element.replaceChildren(elementOf("bdi", { textContent: shownName(name) }));
  if (handle) element.append(" ", elementOf("bdi", { className: "handle", textContent: handle }));
}

/** Where there is room the username stands beside every name that is another. */
function withHandle(person) {
  const { name, username, handle } = person;
  return { ...person, handle: handle || (name === username ? "" : `@${username}`) };
}

/** The ids of those of whom something is shown. */
export function shownIds() {
  return [...document.querySelectorAll("[data-person-id]")].map(({ dataset }) => Number(dataset.personId));
}

/** Who is signed in, at the foot of the halls; null for nobody. */
export function showMe(people) {
  $("open-profile").hidden = !people;
  $("open-profile").disabled = !people?.haveNames;
  showPerson("me", people && people.me);
}

function showPerson(place, person) {
  const [disc, name] = ["disc", "name"].map((part) => $(`${place}-${part}`));
  if (person) fillDisc(disc, person);
  else disc.textContent = disc.shown = "";
  fillName(name, withHandle(person ?? { name: "" }));
}
