// SPDX-License-Identifier: Apache-2.0

import { $ } from "./dom.js";
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
    const { activeElement } = document;
    if (activeElement !== document.body && activeElement?.getClientRects().length > 0) return;
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
  }

  go(address) {
    location.hash = address;
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

  // A new entry has no state yet; one that was there before has kept its own.
  #moved() {
    if (!history.state) history.replaceState({ before: this.#address }, "");
    this.#address = addressNow();
    this.emit("changed");
  }
}
