// SPDX-License-Identifier: Apache-2.0

import { Emitter } from "./utils.js";
import { Language } from "./language.js";

const languageKey = "halls.language";
const themeKey = "halls.theme";
const singleKeysKey = "halls.single_keys";

/** Whether letters alone are shortcuts: unless they were turned off on this device. */
export function mayUseSingleKeys(storage) {
  return storage.get(singleKeysKey) !== false;
}

/** Language, appearance and keys, remembered on this device, for all its windows. Emits language(language). */
export class Settings extends Emitter {
  language;
  #storage;
  #select = document.getElementById("language");
  #theme = document.getElementById("theme");
  #singleKeys = document.getElementById("single-keys");

  constructor({ storage }) {
    super();
    this.#storage = storage;
    this.language = Language.choose(storage.get(languageKey), browserLanguages());
    this.#show();
    this.#select.addEventListener("change", () => this.#setLanguage(this.#select.value));
    this.#theme.addEventListener("change", () => this.#setTheme(this.#theme.value));
    this.#singleKeys.addEventListener("change", () => storage.set(singleKeysKey, this.#singleKeys.checked));
    // Another window wrote it; without a key everything was taken away.
    window.addEventListener("storage", ({ key }) => {
      if (key === null || [languageKey, themeKey, singleKeysKey].includes(key)) this.#follow();
    });
    translate(this.language);
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
    const language = Language.choose(this.#storage.get(languageKey), browserLanguages());
    if (language.code !== this.language.code) this.#speak(language);
    this.#show();
  }

  #setLanguage(code) {
    this.#storage.set(languageKey, code);
    this.#speak(new Language(code, browserLanguages()));
  }

  #speak(language) {
    this.language = language;
    translate(language);
    this.emit("language", language);
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
