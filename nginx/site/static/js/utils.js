// SPDX-License-Identifier: Apache-2.0

// What the other modules share. Nothing here touches the DOM, so that `node --test` reaches all of it.

/** Handlers by event name; `emit` survives handlers that remove themselves. */
export class Emitter {
  #handlers = new Map();

  on(event, handler) {
    if (!this.#handlers.has(event)) this.#handlers.set(event, []);
    this.#handlers.get(event).push(handler);
    return this;
  }

  once(event, handler) {
    const wrapped = (...values) => {
      this.off(event, wrapped);
      handler(...values);
    };
    wrapped.original = handler;
    return this.on(event, wrapped);
  }

  off(event, handler) {
    if (event === undefined) this.#handlers.clear();
    else if (handler === undefined) this.#handlers.delete(event);
    else {
      const left = (this.#handlers.get(event) ?? []).filter((h) => h !== handler && h.original !== handler);
      this.#handlers.set(event, left);
    }
    return this;
  }

  emit(event, ...values) {
    for (const handler of [...(this.#handlers.get(event) ?? [])]) handler(...values);
    return this;
  }
}

/** The value of a text in JSON; null where it is none. */
export function parseJSON(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** About so long, so that not everybody asks at the same moment. */
export function jittered(milliseconds) {
  return milliseconds * (0.75 + Math.random() / 2);
}

/** Whether a key belongs to an input method. 229: Safari ends a composition before the key event that ended it. */
export function isComposing({ isComposing: composes, keyCode }) {
  return composes || keyCode === 229;
}

/** A key for one message, the same in every retry: 22 characters of A–Z a–z 0–9 _ -. */
export function newClientKey(random = (bytes) => crypto.getRandomValues(bytes)) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return Array.from(random(new Uint8Array(22)), (byte) => alphabet[byte & 63]).join("");
}

/** Length in Unicode code points: an emoji outside the BMP counts once, as it does on the server. */
export function textLength(text) {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

/**
 * What somebody wrote, as it is sent: as it is, but for empty lines at both ends. Spaces before the first word are the
 * indentation of code, or of a paragraph in Chinese. "" where there is nothing to see, which the server would refuse.
 */
export function writtenText(text) {
  const first = text.search(/\S/u);
  if (first < 0 || !/[^\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]/u.test(text)) return "";
  const start = text.lastIndexOf("\n", first) + 1;
  const end = text.indexOf("\n", text.trimEnd().length);
  return text.slice(start, end < 0 ? text.length : end);
}

/** Days since 1970 of a date in the reader's time zone. Days differ by whole numbers, also where a day has 23 hours. */
export function dayNumber(date) {
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

/** Text without case and accents, for filters: "Diseño" is found by "diseno". */
export function foldText(text) {
  // Marks that stand by themselves go first: a thousand of them in a row are put in order one past the other.
  return text.replace(/\p{Mn}/gu, "").normalize("NFD").replace(/\p{Mn}/gu, "").toLocaleLowerCase();
}

/** localStorage that is full, forbidden or absent costs the memory of it, never the page. */
export class SafeStorage {
  #storage;

  constructor(storage) {
    this.#storage = storage;
  }

  get(key) {
    try {
      return parseJSON(this.#storage.getItem(key));
    } catch {
      return null;
    }
  }

  set(key, value) {
    try {
      this.#storage.setItem(key, JSON.stringify(value));
    } catch {
      // Kept in memory by the caller.
    }
  }

  remove(key) {
    try {
      this.#storage.removeItem(key);
    } catch {
      // There is nothing to remove.
    }
  }

  keys(prefix) {
    try {
      return Object.keys(this.#storage).filter((key) => key.startsWith(prefix));
    } catch {
      return [];
    }
  }
}

/** Calls again what failed, after a time that doubles with each call in a row. */
export class Repeater {
  #call;
  #pace;
  #timer = null;
  #count = 0;

  constructor(call, pace) {
    this.#call = call;
    this.#pace = pace;
  }

  later() {
    const { milliseconds, millisecondsMax } = this.#pace;
    const delay = Math.min(milliseconds * 2 ** this.#count, millisecondsMax);
    this.#count += 1;
    this.cancel();
    this.#timer = setTimeout(this.#call, jittered(delay));
  }

  /** It went well: the next row begins with the shortest time. */
  reset() {
    this.#count = 0;
  }

  cancel() {
    clearTimeout(this.#timer);
  }
}
