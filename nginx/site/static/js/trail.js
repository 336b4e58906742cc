// SPDX-License-Identifier: Apache-2.0

import { Emitter } from "./utils.js";

const addressNow = () => location.hash || "#/";

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
