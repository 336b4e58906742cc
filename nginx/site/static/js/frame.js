// SPDX-License-Identifier: Apache-2.0

import { folder } from "./server.js";
import { Emitter } from "./utils.js";

const layouts = ["page", "panel", "bubble"];

/**
 * The page of the site around the chat, if there is one: what it wants, and what the two tell each other (docs/embedding.md).
 * Only a page of the chat's own origin is spoken with. Emits shown(isShown), theme(theme), lang(tag), hall(hallId).
 */
export class Frame extends Emitter {
  /** How the chat stands in the page around it; null where there is none. */
  layout = null;
  /** What the page around it says, in the place of what the reader chose; null leaves it to the reader. */
  theme = null;
  lang = null;
  #window;
  #isOpen = true;
  #isInView = true;
  #badges = null;
  #count = 0;

  constructor(window) {
    super();
    this.#window = window;
    if (!window || window.parent === window || !isOurs(window)) return;
    const query = new URLSearchParams(window.location.search);
    const layout = query.get("embed");
    this.layout = layouts.includes(layout) ? layout : "page";
    this.theme = themeOf(query.get("theme"));
    this.lang = languageOf(query.get("lang"));
    window.addEventListener("message", (event) => this.#hear(event));
    new window.IntersectionObserver((entries) => {
      this.#change(() => (this.#isInView = entries.at(-1).isIntersecting));
    }).observe(window.document.documentElement);
    window.document.addEventListener("keydown", (event) => {
      // In the chat itself the key has other things to close first.
      if (event.key === "Escape" && window.document.body.dataset.screen !== "chat") this.close();
    });
  }

  get isEmbedded() {
    return this.layout !== null;
  }

  /** What floats above a page makes no steps in the browser's history: "back" leaves that page. */
  get isStepless() {
    return this.layout === "panel" || this.layout === "bubble";
  }

  /** Whether the chat is before the reader's eyes, as far as browser and page around it go. */
  get isShown() {
    return !this.#window.document.hidden && this.#isOpen && this.#isInView;
  }

  /** Where nobody asked for the focus it is not taken from the page around. */
  get mayTakeFocus() {
    return !this.isEmbedded || this.#window.document.hasFocus();
  }

  /** False where there is nothing to close. */
  close() {
    if (this.isStepless) this.say("close");
    return this.isStepless;
  }

  say(type, values = {}) {
    if (this.isEmbedded) this.#window.parent.postMessage({ halls: 1, type, ...values }, this.#window.location.origin);
  }

  /** To the page around, and to the badges of all pages of this browser. */
  sayUnread(count) {
    this.say("unread", { count });
    this.#count = count;
    this.#badges ??= this.#openBadges();
    this.#badges.postMessage(count);
  }

  // A page that was just loaded asks.
  #openBadges() {
    const badges = new BroadcastChannel(`halls.unread.${folder || "/"}`);
    badges.addEventListener("message", ({ data }) => data === "?" && badges.postMessage(this.#count));
    return badges;
  }

  /** The address where the site signs people in, which leads back to the page around, and not into the frame. */
  loginAddress(address) {
    if (!this.isEmbedded) return address;
    const { location, parent } = this.#window;
    const login = new URL(address, location.href);
    for (const [name, value] of [...login.searchParams]) {
      if (new URL(value, location.href).pathname !== location.pathname) continue;
      login.searchParams.set(name, parent.location.pathname + parent.location.search);
    }
    return login.href;
  }

  #hear({ source, origin, data }) {
    if (source !== this.#window.parent || origin !== this.#window.location.origin || data?.halls !== 1) return;
    if (data.type === "shown") this.#change(() => (this.#isOpen = data.shown === true));
    else if (data.type === "theme") this.emit("theme", (this.theme = themeOf(data.theme)));
    else if (data.type === "lang") this.emit("lang", (this.lang = languageOf(data.lang)));
    else if (data.type === "hall" && Number.isSafeInteger(data.hall) && data.hall > 0) this.emit("hall", data.hall);
  }

  #change(change) {
    const wasShown = this.isShown;
    change();
    if (this.isShown !== wasShown) this.emit("shown", this.isShown);
  }
}

function themeOf(value) {
  return value === "light" || value === "dark" ? value : null;
}

function languageOf(tag) {
  return typeof tag === "string" ? tag.split("-")[0].toLowerCase() : null;
}

function isOurs({ parent, location }) {
  try {
    return parent.location.origin === location.origin;
  } catch {
    return false;
  }
}

export const frame = new Frame(globalThis.window);
