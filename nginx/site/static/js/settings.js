// SPDX-License-Identifier: Apache-2.0

import { $ } from "./dom.js";
import { Language } from "./language.js";

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
    return new Settings({ storage, language: await Language.choose(storage.get(languageKey), browserLanguages()) });
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
    language.on("changed", () => translate(language));
    translate(language);
  }

  #show() {
    this.#select.value = this.language.code;
    this.#theme.value = document.documentElement.dataset.theme ?? "system";
    this.#singleKeys.checked = mayUseSingleKeys(this.#storage);
  }

  #follow() {
    const theme = this.#storage.get(themeKey);
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    this.#speak(this.#storage.get(languageKey));
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
