// SPDX-License-Identifier: Apache-2.0

// The chat inside a page of the site: `<halls-chat>` and `<halls-badge>` (docs/embedding.md). A classic script, so that it knows
// its own address; one line in the page's head is all that a site needs.
(() => {
  const script = document.currentScript;
  if (!script || customElements.get("halls-chat")) return;
  const { origin, pathname } = new URL(script.src);
  const folder = pathname.slice(0, pathname.lastIndexOf("/static/") + 1);
  const root = origin + folder;
  const badgeMilliseconds = 60_000;

  const words = {
    en: { chat: "Chat", open: "Open the chat", close: "Close the chat", unread: "unread" },
    es: { chat: "Chat", open: "Abrir el chat", close: "Cerrar el chat", unread: "sin leer" },
  };

  const chatStyle = `
    :host { --_accent: var(--halls-accent, #0b6b5d); --_on: var(--halls-on-accent, #fff); --_z: var(--halls-z-index, 1000);
      display: block; color-scheme: light dark; font: 400 16px/1.5 system-ui, sans-serif; }
    :host([hidden]) { display: none; }
    :host([theme="light"]) { color-scheme: light; }
    :host([theme="dark"]) { color-scheme: dark; }
    iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: normal; }
    :host(:not([layout])), :host([layout="page"]) { height: var(--halls-height, 36rem); min-height: 20rem; }
    .toggle, .bar, .window { display: none; }
    :host([layout="panel"]), :host([layout="bubble"]) { display: contents; }
    :is(:host([layout="panel"]), :host([layout="bubble"])) .toggle { display: grid; }
    .toggle { position: fixed; z-index: var(--_z); right: 20px; bottom: 20px; width: 56px; height: 56px; padding: 0; border: 0;
      place-items: center; border-radius: 28px; background: var(--_accent); color: var(--_on); cursor: pointer;
      box-shadow: 0 2px 12px #0005; }
    .toggle svg { width: 26px; height: 26px; }
    .toggle:focus-visible, .bar button:focus-visible { outline: 3px solid light-dark(#1d2022, #fff); outline-offset: 2px; }
    .count { position: absolute; top: -4px; right: -4px; min-width: 22px; padding: 0 6px; border-radius: 11px; font: 600 13px/22px system-ui, sans-serif;
      background: #b0281c; color: #fff; box-sizing: border-box; }
    [hidden] { display: none !important; }
    .window.built { display: flex; flex-direction: column; position: fixed; z-index: var(--_z); overflow: hidden;
      background: light-dark(#fff, #17191b); color: light-dark(#1d2022, #e7e8e6); visibility: hidden;
      box-shadow: 0 8px 40px #0006; }
    .window.built.open { visibility: visible; }
    .window iframe { flex: 1; min-height: 0; }
    :host([layout="bubble"]) .window { right: 20px; bottom: 88px; width: min(var(--halls-width, 24rem), calc(100vw - 40px));
      height: min(var(--halls-height, 40rem), calc(100dvh - 108px)); border-radius: 12px; }
    :host([layout="panel"]) .window { top: 0; right: 0; bottom: 0; width: min(var(--halls-width, 24rem), 100vw); }
    .window .bar { display: flex; align-items: center; justify-content: space-between; padding: 4px 4px 4px 16px;
      border-bottom: 1px solid light-dark(#e5e5e0, #2d3235); font-weight: 600; }
    .bar button { width: 40px; height: 40px; border: 0; border-radius: 8px; background: none; color: inherit; font: inherit; cursor: pointer; }
    @media (max-width: 719px) {
      :is(:host([layout="panel"]), :host([layout="bubble"])) .window { inset: 0; width: auto; height: auto; border-radius: 0; }
    }`;

  const badgeStyle = `
    :host { display: inline-block; }
    span { display: inline-block; min-width: 1.6em; padding: 0 .45em; border-radius: .8em; box-sizing: border-box; text-align: center;
      font: 600 .8em/1.6 system-ui, sans-serif; background: var(--halls-badge, #b0281c); color: var(--halls-on-badge, #fff); }
    [hidden] { display: none; }`;

  /** How many messages are unread, for all elements of the page: asked for once, and then as any open chat of the browser says. */
  const unread = {
    count: 0,
    listeners: new Set(),
    askedAt: null,
    heard: 0,
    set(count) {
      if (!Number.isSafeInteger(count) || count === this.count) return;
      this.count = count;
      for (const listener of this.listeners) listener(count);
    },
    listen(listener) {
      this.listeners.add(listener);
      listener(this.count);
      if (this.askedAt !== null) return;
      const chats = new BroadcastChannel(`halls.unread.${folder}`);
      chats.addEventListener("message", ({ data }) => this.hear(data));
      chats.postMessage("?");
      // Who comes back after a while finds what is new.
      document.addEventListener("visibilitychange", () => {
        if (!document.hidden && performance.now() - this.askedAt > badgeMilliseconds) this.ask();
      });
      this.ask();
    },
    hear(count) {
      this.heard += 1;
      this.set(count);
    },
    async ask() {
      this.askedAt = performance.now();
      const { heard } = this;
      try {
        const answer = await fetch(`${root}chat/unread`, { credentials: "same-origin" });
        const { unread: count } = answer.ok ? await answer.json() : { unread: 0 };
        // A chat that is open knows better what its reader has just read.
        if (heard === this.heard) this.set(count);
      } catch {
        // Without an answer it stays as it was.
      }
    },
  };

  const short = (count) => (count > 99 ? "99+" : String(count));

  function styled(host, style) {
    const shadow = host.attachShadow({ mode: "open" });
    // What the strictest policy of a page lets through.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    shadow.adoptedStyleSheets = [sheet];
    return shadow;
  }

  function make(name, values = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(values)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  function wordsOf(element) {
    const tag = element.getAttribute("lang") || element.closest("[lang]")?.lang || navigator.language;
    return /^es(?![a-z])/iu.test(tag) ? words.es : words.en;
  }

  function drawing() {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", "M4 5h16v11H9l-5 4z");
    for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": 2,
      "stroke-linejoin": "round", "aria-hidden": "true" })) svg.setAttribute(key, value);
    svg.append(path);
    return svg;
  }

  class HallsChat extends HTMLElement {
    static observedAttributes = ["hall", "theme", "lang", "layout", "label"];
    #shadow = styled(this, chatStyle);
    #window = make("div", { class: "window" });
    #frame = null;
    #toggle = make("button", { class: "toggle", type: "button", part: "toggle", "aria-expanded": "false" }, drawing());
    #count = make("span", { class: "count", "aria-hidden": "true", hidden: "" });
    #title = make("span", { part: "title" });
    #close = make("button", { type: "button", part: "close" }, "✕");
    #isOpen = false;
    #heard = (event) => this.#hear(event);
    #showUnread = (count) => this.#showCount(count);

    constructor() {
      super();
      this.#toggle.append(this.#count);
      this.#toggle.addEventListener("click", () => (this.#isOpen ? this.close() : this.open()));
      this.#close.addEventListener("click", () => this.close());
      this.#shadow.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && this.#isOpen) this.close();
      });
      this.#shadow.append(this.#toggle, this.#window);
    }

    get isOpen() {
      return this.#isOpen;
    }

    connectedCallback() {
      window.addEventListener("message", this.#heard);
      this.#name();
      if (this.#floats) unread.listen(this.#showUnread);
      else this.#build();
    }

    disconnectedCallback() {
      window.removeEventListener("message", this.#heard);
      unread.listeners.delete(this.#showUnread);
      this.#tearDown();
    }

    attributeChangedCallback(name, before, value) {
      if (!this.isConnected || before === value) return;
      this.#name();
      if (name === "layout") {
        this.disconnectedCallback();
        this.connectedCallback();
      } else if (name === "hall") this.#say({ type: "hall", hall: this.#hall });
      else if (name === "theme") this.#say({ type: "theme", theme: value });
      else if (name === "lang") this.#say({ type: "lang", lang: value });
    }

    open() {
      if (!this.#floats || this.#isOpen) return;
      this.#isOpen = true;
      this.#build();
      this.#window.classList.add("open");
      this.#toggle.setAttribute("aria-expanded", "true");
      this.#toggle.hidden = this.getAttribute("layout") === "panel" || matchMedia("(max-width: 719px)").matches;
      this.#name();
      this.#say({ type: "shown", shown: true });
      this.#frame.focus({ preventScroll: true });
      this.dispatchEvent(new Event("halls-open", { bubbles: true }));
    }

    close() {
      if (!this.#isOpen) return;
      this.#isOpen = false;
      this.#window.classList.remove("open");
      this.#toggle.hidden = false;
      this.#toggle.setAttribute("aria-expanded", "false");
      this.#name();
      this.#say({ type: "shown", shown: false });
      this.#toggle.focus({ preventScroll: true });
      this.dispatchEvent(new Event("halls-close", { bubbles: true }));
    }

    get #floats() {
      return ["panel", "bubble"].includes(this.getAttribute("layout"));
    }

    get #hall() {
      const value = this.getAttribute("hall") ?? "";
      return /^[1-9]\d{0,15}$/u.test(value) ? Number(value) : null;
    }

    #name() {
      const t = wordsOf(this);
      const label = this.getAttribute("label") || t.chat;
      this.#title.textContent = label;
      this.#close.setAttribute("aria-label", t.close);
      const count = unread.count > 0 && !this.#isOpen ? `, ${unread.count} ${t.unread}` : "";
      this.#toggle.setAttribute("aria-label", (this.#isOpen ? t.close : t.open) + count);
      this.#window.setAttribute("aria-label", label);
      if (this.#frame) this.#frame.title = label;
    }

    #build() {
      if (this.#frame) return;
      const layout = this.#floats ? this.getAttribute("layout") : "page";
      const query = new URLSearchParams({ embed: layout });
      for (const name of ["theme", "lang"]) {
        if (this.hasAttribute(name)) query.set(name, this.getAttribute(name));
      }
      const hall = this.#hall === null ? "" : `#/halls/${this.#hall}`;
      this.#frame = make("iframe", { src: `${root}chat.html?${query}${hall}`, part: "frame", allow: "clipboard-write" });
      if (this.#floats) {
        this.#window.setAttribute("role", "dialog");
        this.#window.replaceChildren(make("div", { class: "bar", part: "bar" }, this.#title, this.#close), this.#frame);
        this.#window.classList.add("built");
      } else this.#shadow.append(this.#frame);
      this.#name();
    }

    #tearDown() {
      this.#isOpen = false;
      this.#frame?.remove();
      this.#frame = null;
      this.removeAttribute("ready");
      this.#window.classList.remove("built", "open");
      this.#window.replaceChildren();
    }

    #say(message) {
      this.#frame?.contentWindow?.postMessage({ halls: 1, ...message }, origin);
    }

    // Only from the frame of this element, and only while it shows a page of the chat's origin.
    #hear({ source, origin: from, data }) {
      if (!this.#frame || source !== this.#frame.contentWindow || from !== origin || data?.halls !== 1) return;
      if (data.type === "ready") {
        this.toggleAttribute("ready", true);
        this.#say({ type: "shown", shown: !this.#floats || this.#isOpen });
      } else if (data.type === "close") this.close();
      else if (data.type === "hall") this.#tell("halls-hall", { hall: data.hall });
      else if (data.type === "unread") {
        unread.hear(data.count);
        this.#tell("halls-unread", { count: data.count });
      }
    }

    #tell(name, detail) {
      this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
    }

    #showCount(count) {
      this.#count.textContent = short(count);
      this.#count.hidden = count === 0;
      this.#name();
    }
  }

  class HallsBadge extends HTMLElement {
    #badge = make("span", { hidden: "" });
    #show = (count) => {
      this.#badge.hidden = count === 0;
      this.#badge.textContent = short(count);
      this.#badge.setAttribute("role", "img");
      this.#badge.setAttribute("aria-label", `${count} ${wordsOf(this).unread}`);
    };

    constructor() {
      super();
      styled(this, badgeStyle).append(this.#badge);
    }

    connectedCallback() {
      unread.listen(this.#show);
    }

    disconnectedCallback() {
      unread.listeners.delete(this.#show);
    }
  }

  customElements.define("halls-chat", HallsChat);
  customElements.define("halls-badge", HallsBadge);
})();
