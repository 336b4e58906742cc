// SPDX-License-Identifier: Apache-2.0

import { Emitter } from "./utils.js";
import { Language } from "./language.js";

const singleKeysKey = "halls.single_keys";

/** Whether letters alone are shortcuts: unless they were turned off on this device. */
export function mayUseSingleKeys(storage) {
  return storage.get(singleKeysKey) !== false;
}

/** Language, appearance and keys, remembered on this device. Emits language(language). */
export class Settings extends Emitter {
  language;
  #storage;

  constructor({ storage }) {
    super();
    this.#storage = storage;
    this.language = Language.choose(storage.get("halls.language"), browserLanguages());
    const select = document.getElementById("language");
    select.value = this.language.code;
    select.addEventListener("change", () => this.#setLanguage(select.value));
    const theme = document.getElementById("theme");
    theme.value = document.documentElement.dataset.theme ?? "system";
    theme.addEventListener("change", () => this.#setTheme(theme.value));
    const singleKeys = document.getElementById("single-keys");
    singleKeys.checked = mayUseSingleKeys(storage);
    singleKeys.addEventListener("change", () => storage.set(singleKeysKey, singleKeys.checked));
    translate(this.language);
  }

  #setLanguage(code) {
    this.#storage.set("halls.language", code);
    this.language = new Language(code, browserLanguages());
    translate(this.language);
    this.emit("language", this.language);
  }

  #setTheme(theme) {
    if (theme === "system") {
      this.#storage.remove("halls.theme");
      delete document.documentElement.dataset.theme;
    } else {
      this.#storage.set("halls.theme", theme);
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
