// SPDX-License-Identifier: Apache-2.0

import { shownName } from "./users.js";
import { Emitter, dayNumber } from "./utils.js";

/** The languages we speak. The sentences of each are a file of that name, of which only the reader's is fetched. */
const codes = ["en", "es"];
/** A site can ask for no more characters; a limit above this is that of the longest password. */
const shortestPasswordMax = 256;

/** The reader's language: sentences, dates, numbers. There is one, for the whole page. Emits changed(). */
export class Language extends Emitter {
  #code;
  #sentences;
  #wanted;
  #locale;
  #formats = {};
  #zone;
  #asked = 0;

  /** `wanted` is what the browser says of the reader's languages. */
  constructor(code, sentences, wanted = []) {
    super();
    this.#wanted = wanted;
    this.#speak(code, sentences);
  }

  /** The remembered language, else the first of the browser's that we speak. */
  static async choose(remembered, wanted = []) {
    const code = chooseCode(remembered, wanted);
    return new Language(code, await sentencesIn(code), wanted);
  }

  /** Becomes another, as `choose` does; of two that are asked for in a row it becomes the last. */
  async become(remembered) {
    const asked = (this.#asked += 1);
    const code = chooseCode(remembered, this.#wanted);
    const sentences = code === this.#code ? this.#sentences : await sentencesIn(code);
    if (asked !== this.#asked || code === this.#code) return;
    this.#speak(code, sentences);
    this.emit("changed");
  }

  #speak(code, sentences) {
    this.#code = code;
    this.#sentences = sentences;
    // "es-MX" orders its dates otherwise than "es-ES": the browser's own flavour of the language, where it has one.
    this.#locale = usableTags(this.#wanted).find((tag) => primary(tag) === code) ?? code;
    this.#makeFormats();
  }

  /** Whether the reader's clock is in another time zone than before; then hours and days read otherwise from now on. */
  followZone() {
    if (this.#zone === zoneNow()) return false;
    this.#makeFormats();
    return true;
  }

  #makeFormats() {
    const format = (options) => new Intl.DateTimeFormat(this.#locale, options);
    this.#zone = zoneNow();
    this.#formats = {
      hour: format({ hour: "numeric", minute: "2-digit" }),
      full: format({ dateStyle: "full", timeStyle: "short" }),
      day: format({ weekday: "long", day: "numeric", month: "long" }),
      dayAndYear: format({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
      relative: new Intl.RelativeTimeFormat(this.#locale, { numeric: "auto" }),
      number: new Intl.NumberFormat(this.#locale),
      plural: new Intl.PluralRules(this.#locale),
      names: new Intl.Collator(this.#locale, { numeric: true }),
    };
  }

  get code() {
    return this.#code;
  }

  t(key, values = {}) {
    let sentence = this.#sentences[key] ?? key;
    if (typeof sentence === "object") sentence = sentence[this.#formats.plural.select(values.count)] ?? sentence.other;
    return sentence.replace(/\{(\w+)\}/gu, (whole, name) => {
      const value = values[name];
      if (typeof value === "number") return this.#formats.number.format(value);
      return name === "name" && value ? isolated(shownName(value)) : (value ?? whole);
    });
  }

  /** The sentence for an error's code, or the general one. */
  error({ code, retryAfter, problem }) {
    const key = `error_${reasonOf(code, problem?.limit)}`;
    return this.t(this.#sentences[key] ? key : "error_internal", { count: Math.ceil(retryAfter ?? 5), limit: problem?.limit ?? 8 });
  }

  hour(date) {
    return this.#formats.hour.format(date);
  }

  /** The hour in the margin, where "PM" has no room; the full date is on hover. */
  shortHour(date) {
    const parts = this.#formats.hour.formatToParts(date);
    return parts.filter(({ type }) => type !== "dayPeriod").map(({ value }) => value).join("").trim();
  }

  fullDate(date) {
    return capitalized(this.#formats.full.format(date));
  }

  /** "Today", "Yesterday", "Friday, 20 November", with the year where it is another. */
  day(date, now = new Date()) {
    const distance = dayNumber(date) - dayNumber(now);
    if (distance === 0 || distance === -1) return capitalized(this.#formats.relative.format(distance, "day"));
    const format = date.getFullYear() === now.getFullYear() ? this.#formats.day : this.#formats.dayAndYear;
    return capitalized(format.format(date));
  }

  compare(left, right) {
    return this.#formats.names.compare(left, right);
  }
}

/** The code of the language in which to speak to somebody. */
export function chooseCode(remembered, wanted = []) {
  return [remembered, ...usableTags(wanted).map(primary)].find((code) => codes.includes(code)) ?? codes[0];
}

async function sentencesIn(code) {
  return (await import(`./${code}.js`)).default;
}

/** One code may be said for several reasons, which its limit tells. */
function reasonOf(code, limit) {
  // A name that breaks no rule is a word of the page's own.
  if (code === "invalid_username" && limit === undefined) return "reserved_username";
  if (code === "invalid_name" && limit === undefined) return "taken_name";
  if (code !== "invalid_password") return code;
  if (limit === undefined) return "unwritable_password";
  return limit > shortestPasswordMax ? "long_password" : code;
}

/** A name that is read from the right turns nothing around it. */
function isolated(name) {
  return /[\u0590-\u08FF\uFB1D-\uFEFC\u{10800}-\u{1EFFF}]/u.test(name) ? `\u2068${name}\u2069` : name;
}

function capitalized(text) {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

const primary = (tag) => tag.split("-")[0];

function zoneNow() {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** What Intl takes of the browser's tags; it throws on what is none, and a browser hands on what its system says. */
function usableTags(wanted) {
  return wanted.map(usableTag).filter((tag) => tag !== null);
}

/** "es_ES.UTF-8" and "en-US@posix" are how a system writes a language: what is left of the tag where it stops being one. */
function usableTag(tag) {
  const parts = String(tag).split(/[.@]/u)[0].split(/[_-]/u);
  for (; parts.length > 0; parts.pop()) {
    try {
      return Intl.getCanonicalLocales(parts.join("-"))[0] ?? null;
    } catch {
      // One part less.
    }
  }
  return null;
}
