// SPDX-License-Identifier: Apache-2.0

import { Emitter } from "./utils.js";

const $ = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 719px)");
const headings = { conversation: "hall-name", members: "members-title" };

/** The panes of the page, of which a phone shows one at a time. Emits changed() when there is room for more or for less. */
export class Panes extends Emitter {
  constructor() {
    super();
    narrow.addEventListener("change", () => this.emit("changed"));
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
    return isOther && narrow.matches;
  }

  /** What had the focus lies in a pane that is gone: it goes to the top of the one that came, or to a hall in the list. */
  takeFocus(focusHall) {
    const { activeElement } = document;
    if (activeElement !== document.body && activeElement?.getClientRects().length > 0) return;
    const heading = headings[$("app").dataset.pane];
    if (heading) $(heading).focus();
    else focusHall();
  }
}
