// SPDX-License-Identifier: Apache-2.0

import { $ } from "./dom.js";
import { frame } from "./frame.js";
import { Language } from "./language.js";
import { isComposing } from "./utils.js";

const languageKey = "halls.language";
const themeKey = "halls.theme";
const singleKeysKey = "halls.single_keys";

/** Whether letters alone are shortcuts: unless they were turned off on this device. */
export function mayUseSingleKeys(storage) {
  return storage.get(singleKeysKey) !== false;
}

/** Language, appearance and keys, remembered on this device, for all its windows. */
export class Settings {
  language;
  #storage;
  #select = $("language");
  #languageFailed = $("language-failed");
  #theme = $("theme");
  #singleKeys = $("single-keys");

  /** In the language of the reader, once it is there. */
  static async open({ storage }) {
    return new Settings({ storage, language: await Language.choose(frame.lang ?? storage.get(languageKey), browserLanguages()) });
  }

  constructor({ storage, language }) {
    this.#storage = storage;
    this.language = language;
    this.#show();
    this.#select.addEventListener("change", () => this.#setLanguage(this.#select.value));
    this.#theme.addEventListener("change", () => this.#setTheme(this.#theme.value));
    this.#singleKeys.addEventListener("change", () => storage.set(singleKeysKey, this.#singleKeys.checked));
    // Another window wrote it; without a key everything was taken away.
    window.addEventListener("storage", ({ key }) => {
      if (key === null || [languageKey, themeKey, singleKeysKey].includes(key)) this.#follow();
    });
    for (const said of ["theme", "lang"]) frame.on(said, () => this.#follow());
    language.on("changed", () => translate(language));
    translate(language);
  }

  #show() {
    this.#select.value = this.language.code;
    this.#theme.value = document.documentElement.dataset.theme ?? "system";
    // What the page around the chat says is not the reader's to choose.
    this.#select.closest(".field").hidden = frame.lang !== null;
    this.#theme.closest(".field").hidden = frame.theme !== null;
    this.#singleKeys.checked = mayUseSingleKeys(this.#storage);
  }

  #follow() {
    const theme = frame.theme ?? this.#storage.get(themeKey);
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    this.#speak(frame.lang ?? this.#storage.get(languageKey));
    this.#show();
  }

  async #setLanguage(code) {
    this.#languageFailed.hidden = true;
    // What did not come is not remembered: the page could not start with it.
    if (await this.#speak(code)) this.#storage.set(languageKey, this.language.code);
    else {
      this.#languageFailed.textContent = this.language.t("language_failed");
      this.#languageFailed.hidden = false;
    }
  }

  /** False where the language is not to be had at the moment. */
  async #speak(code) {
    try {
      await this.language.become(code);
      return true;
    } catch {
      return false;
    } finally {
      this.#show();
    }
  }

  #setTheme(theme) {
    if (theme === "system") {
      this.#storage.remove(themeKey);
      delete document.documentElement.dataset.theme;
    } else {
      this.#storage.set(themeKey, theme);
      document.documentElement.dataset.theme = theme;
    }
  }
}

function browserLanguages() {
  return navigator.languages ?? [navigator.language];
}

/** Fills every element that names its sentence. */
function translate(language) {
  document.documentElement.lang = language.code;
  for (const element of document.querySelectorAll("[data-i18n]")) element.textContent = language.t(element.dataset.i18n);
  for (const element of document.querySelectorAll("[data-i18n-label]")) {
    const label = language.t(element.dataset.i18nLabel);
    element.setAttribute("aria-label", label);
    if (element.matches("button")) element.title = label;
  }
  for (const element of document.querySelectorAll("[data-i18n-placeholder]")) {
    element.placeholder = language.t(element.dataset.i18nPlaceholder);
  }
}

/**
 * The keys that work anywhere on the page. Returns what ends that. `mayUseSingleKeys()` says whether a letter alone, which
 * somebody may strike or say by accident, does anything (WCAG 2.2, 2.1.4). `act(key, article)` does what the key means for a
 * message, false where it means nothing.
 */
export function wireKeyboard({
  mayUseSingleKeys, find, showShortcuts, writeQuestion, toggleMembers, moveInHalls, moveInMessages, editLast, act, compose, escape,
}) {
  const keyDown = (event) => {
    if (isComposing(event)) return;
    const target = event.target instanceof Element ? event.target : document.body;
    const run = (action, ...values) => {
      event.preventDefault();
      action(...values);
    };
    const letter = letterOf(event);
    if ((event.ctrlKey || event.metaKey) && !event.altKey && letter === "k") return run(find);
    if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
    // Who wanted to write a question mark, and got the shortcuts, strikes it once more.
    if (isQuestion(event) && target.closest("#shortcuts-dialog")) return run(writeQuestion);
    // The box in which a message is edited has keys of its own.
    if (target.closest("dialog, .editor")) return undefined;

    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const isEmptyInput = target.matches("#composer-text") && target.value === "";
    if (step && target.closest("#hall-list")) return run(moveInHalls, step);
    if (step && target.closest("#log")) return run(moveInMessages, step);
    if (step === -1 && isEmptyInput) return run(editLast);

    if (event.key === "Escape") {
      if (target.closest("#log, #scroller")) return run(compose);
      return escape(event);
    }
    const writes = target.closest("input, textarea, select");
    const article = writes ? null : target.closest("article");
    const isErase = event.key === "Delete" || event.key === "Backspace";
    if (article === target && isErase && act("Delete", article)) return event.preventDefault();
    if (!mayUseSingleKeys()) return undefined;
    if (isQuestion(event) && (!writes || isEmptyInput)) return run(showShortcuts);
    if (writes) return undefined;
    if (letter === "m") return run(toggleMembers);
    if (letter !== null && article && act(letter, article)) event.preventDefault();
    return undefined;
  };
  document.addEventListener("keydown", keyDown);
  return () => document.removeEventListener("keydown", keyDown);
}

/**
 * The Latin letter of a key, in small: the one it writes; where it writes a letter of another script (Cyrillic, Greek,
 * Hebrew, Korean, …), the one at its place on a Latin keyboard. Null where there is none.
 */
export function letterOf({ key = "", code = "" }) {
  if (/^\p{Script=Latin}$/u.test(key)) return key.toLowerCase();
  if (!/^[\p{L}\p{M}]$/u.test(key)) return null;
  return /^Key([A-Z])$/u.exec(code)?.[1].toLowerCase() ?? null;
}

// Arabic and Persian keyboards write their own, Chinese and Japanese ones a wide one.
function isQuestion({ key }) {
  return ["?", "؟", "？"].includes(key);
}

/** On an Apple keyboard the key beside the space bar is ⌘. */
export function nameModifierKeys() {
  if (!/Mac|iPhone|iPad/u.test(navigator.platform)) return;
  for (const key of document.querySelectorAll("[data-modifier]")) key.textContent = "⌘";
}
