// SPDX-License-Identifier: Apache-2.0

import { $, copyOf, scrollToNearest } from "./dom.js";
import { frame } from "./frame.js";
import { hallAddress } from "./server.js";
import { shownName } from "./users.js";
import { Emitter } from "./utils.js";

const addressNow = () => location.hash || "#/";
const narrow = matchMedia("(max-width: 719px)");
/** What is on a phone the page, and elsewhere beside it. */
const sides = {
  halls: { region: "sidebar", role: "navigation", heading: "halls-title" },
  members: { region: "members", role: "complementary", heading: "members-title" },
};

/** The panes of the page, of which a phone shows one at a time. Emits changed() when there is room for more or for less. */
export class Panes extends Emitter {
  constructor() {
    super();
    narrow.addEventListener("change", () => {
      this.#nameRegions();
      this.emit("changed");
    });
  }

  get isNarrow() {
    return narrow.matches;
  }

  get isConversationShown() {
    return !narrow.matches || $("app").dataset.pane === "conversation";
  }

  /** Whether, with it, another pane came in the place of the one that was shown. */
  show(pane) {
    const { dataset } = $("app");
    const isOther = dataset.pane !== pane;
    dataset.pane = pane;
    this.#nameRegions();
    return isOther && narrow.matches;
  }

  /** What had the focus lies in a pane that is gone: it goes to the top of the one that came, or to a hall in the list. */
  takeFocus(focusHall) {
    if (!frame.mayTakeFocus) return undefined;
    const { activeElement } = document;
    if (activeElement !== document.body && activeElement?.getClientRects().length > 0) return undefined;
    const { pane } = $("app").dataset;
    if (pane === "halls") return focusHall();
    // Where no hall is shown what stands in its place has the heading.
    const heading = pane === "members" ? $("members-title") : [$("hall-name"), $("notice-title")].find(({ hidden }) => !hidden);
    return heading.focus();
  }

  // Who moves by landmarks and headings finds one main part and one heading of the page, also where it is a single pane.
  #nameRegions() {
    for (const [pane, { region, role, heading }] of Object.entries(sides)) {
      const isPage = this.isNarrow && $("app").dataset.pane === pane;
      $(region).setAttribute("role", isPage ? "main" : role);
      setHeadingLevel($(heading), isPage ? 1 : null);
    }
  }
}

/** What is the heading of the page for a while, or no longer: a level of its own, or null for that of its element. */
export function setHeadingLevel(heading, level) {
  if (level === null) {
    heading.removeAttribute("role");
    heading.removeAttribute("aria-level");
  } else {
    heading.setAttribute("role", "heading");
    heading.setAttribute("aria-level", level);
  }
}

/**
 * The way through the page's addresses. Each entry of the browser's history knows the address before it, so that "back"
 * in the page is the browser's own where that leads to the same place, also after a reload, and never out of the site.
 * Emits changed().
 */
export class Trail extends Emitter {
  #address = addressNow();

  constructor() {
    super();
    if (!history.state) history.replaceState({ before: null }, "");
    window.addEventListener("hashchange", () => this.#moved());
    if (frame.isStepless) document.addEventListener("click", (event) => this.#followed(event));
  }

  go(address) {
    if (frame.isStepless) this.replace(address);
    else location.hash = address;
  }

  /** Another address for the place that is shown: no step of its own, back leads to where it led. */
  replace(address) {
    history.replaceState(history.state, "", address);
    this.#address = address;
    this.emit("changed");
  }

  /** Who came from there goes back; who came by a link, or from elsewhere, gets it in the place of this. */
  back(address) {
    if (history.state?.before === address) history.back();
    else this.replace(address);
  }

  #followed(event) {
    const link = event.target.closest?.('a[href^="#/"]');
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.replace(link.getAttribute("href"));
  }

  // A new entry has no state yet; one that was there before has kept its own.
  #moved() {
    if (!history.state) history.replaceState({ before: this.#address }, "");
    this.#address = addressNow();
    this.emit("changed");
  }
}

/** The halls in the sidebar. */
export class HallList {
  #list;
  #none;
  #halls;
  #outbox;
  #language;
  #currentId = null;
  #items = new Map();
  #isScheduled = false;
  #isEnded = false;

  constructor({ sidebar, halls, outbox, language }) {
    this.#list = sidebar.querySelector("#hall-list");
    this.#none = sidebar.querySelector("#halls-none");
    this.#halls = halls;
    this.#outbox = outbox;
    this.#language = language;
    this.#list.replaceChildren();
    halls.on("changed", () => this.#renderSoon());
    language.on("changed", () => this.render());
  }

  set current(hallId) {
    this.#currentId = hallId;
    this.render();
    scrollToNearest(this.#items.get(hallId), this.#list);
  }

  /** The halls as they are listed: by name, the archived ones last. */
  sorted() {
    const order = (left, right) =>
      Number(Boolean(left.archived)) - Number(Boolean(right.archived)) || this.#language.compare(left.name, right.name);
    return this.#halls.all().sort(order);
  }

  render() {
    if (this.#isEnded) return;
    const halls = this.sorted();
    this.#none.hidden = halls.length > 0 || !this.#halls.isLoaded;
    const failed = this.#outbox.unseenFailures();
    const kept = new Set(halls.map(({ id }) => id));
    for (const [id, item] of this.#items) {
      if (kept.has(id)) continue;
      item.remove();
      this.#items.delete(id);
    }
    // Only what moved is moved: a link in focus keeps it.
    let cursor = this.#list.firstChild;
    for (const hall of halls) {
      const item = this.#itemOf(hall, failed.has(hall.id));
      // One that goes further down, and not all that it passes.
      if (cursor !== null && item === cursor.nextSibling) {
        this.#list.append(cursor);
        cursor = item;
      }
      if (item === cursor) cursor = cursor.nextSibling;
      else this.#list.insertBefore(item, cursor);
    }
  }

  moveFocus(distance) {
    const links = [...this.#list.querySelectorAll("a")];
    const index = links.indexOf(document.activeElement);
    links[Math.min(Math.max(index + distance, 0), links.length - 1)]?.focus();
  }

  clear() {
    this.#isEnded = true;
    this.#items.clear();
    this.#list.replaceChildren();
  }

  /** The link of a hall, or the first; without one the heading. */
  focus(hallId) {
    const item = this.#items.get(hallId) ?? this.#list;
    (item.querySelector("a") ?? $("halls-title")).focus();
  }

  // Each message raises a hall's count; the list is drawn once a frame.
  #renderSoon() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.render();
    });
  }

  #itemOf(hall, hasFailed) {
    if (!this.#items.has(hall.id)) {
      const item = copyOf("hall-template");
      const link = item.firstElementChild;
      link.dataset.hallId = hall.id;
      link.href = hallAddress(hall.id);
      this.#items.set(hall.id, item);
    }
    const item = this.#items.get(hall.id);
    const link = item.firstElementChild;
    const isCurrent = hall.id === this.#currentId;
    const unread = this.#halls.unread(hall.id);
    setText(link.querySelector(".hall-label"), shownName(hall.name));
    if (isCurrent) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    link.classList.toggle("is-unread", unread > 0);
    link.classList.toggle("is-archived", Boolean(hall.archived));
    link.querySelector(".hall-failed").hidden = !hasFailed;
    link.querySelector(".hall-failed .sr-only").textContent = hasFailed ? this.#language.t("not_sent_here") : "";
    showHallIcons(link, hall, this.#language);
    const [visible, spoken] = link.querySelector(".badge").children;
    link.querySelector(".badge").hidden = unread === 0;
    setText(visible, unread > 99 ? "99+" : String(unread));
    setText(spoken, unread > 0 ? this.#language.t("unread", { count: unread }) : "");
    return item;
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** What a hall is beside its name, as icons that have names of their own: private, archived. */
export function showHallIcons(element, hall, language) {
  const icons = { private_hall: hall.private, archived_hall: hall.archived };
  for (const [name, isShown] of Object.entries(icons)) {
    const icon = element.querySelector(`[data-mark="${name}"]`);
    icon.toggleAttribute("hidden", !isShown);
    icon.setAttribute("aria-label", language.t(name));
  }
}
