// SPDX-License-Identifier: Apache-2.0

const keptMilliseconds = 10_000;
const sentencesMax = 20;
const arrivalsMax = 3;

const shownMilliseconds = 2500;
const shownMillisecondsPerCharacter = 50;

/** Says what happened to who does not look: in a live region, in which each sentence stands for some seconds. */
export class Announcer {
  #element;
  #toast;
  #language;
  #toastTimer = null;

  constructor({ element, toast, language }) {
    this.#element = element;
    this.#toast = toast;
    this.#language = language;
  }

  setLanguage(language) {
    this.#language = language;
  }

  clear() {
    this.#element.replaceChildren();
    this.#toast.textContent = "";
  }

  /** Two sentences in one turn are both said: a text that is replaced at once is never heard. */
  say(text) {
    const sentence = document.createElement("span");
    sentence.textContent = `${text} `;
    this.#element.append(sentence);
    if (this.#element.childElementCount > sentencesMax) this.#element.firstElementChild.remove();
    setTimeout(() => sentence.remove(), keptMilliseconds);
  }

  /** Said aloud, and shown for some seconds to who looks. */
  show(text) {
    this.say(text);
    this.#toast.textContent = text;
    clearTimeout(this.#toastTimer);
    const delay = shownMilliseconds + shownMillisecondsPerCharacter * text.length;
    this.#toastTimer = setTimeout(() => (this.#toast.textContent = ""), delay);
  }

  /** Messages of others that came before the reader. */
  sayArrived(messages) {
    for (const { username, content } of messages.slice(-arrivalsMax)) {
      this.say(this.#language.t("says", { name: username, content: content.slice(0, 300) }));
    }
  }

  /** A message of mine that failed; `code` is why, `name` the hall's if it is not in view. */
  sayFailed(code, name) {
    const reason = code && code !== "internal" ? ` ${this.#language.error({ code })}` : "";
    this.say((name ? this.#language.t("not_sent_in", { name }) : this.#language.t("not_sent")) + reason);
  }
}
