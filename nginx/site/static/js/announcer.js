// SPDX-License-Identifier: Apache-2.0

const keptMilliseconds = 10_000;
const sentencesMax = 20;
const arrivalsMax = 3;
const gatherMilliseconds = 1500;

const shownMilliseconds = 2500;
const shownMillisecondsPerCharacter = 50;

import { deletedSentence } from "./message-view.js";

/** Says what happened to who does not look: in a live region, in which each sentence stands for some seconds. */
export class Announcer {
  #element;
  #toast;
  #language;
  #toastTimer = null;
  /** Messages that others changed, by id, of which nothing was said yet. */
  #changed = new Map();

  constructor({ element, toast, language }) {
    this.#element = element;
    this.#toast = toast;
    this.#language = language;
  }

  clear() {
    this.#changed.clear();
    this.#element.replaceChildren();
    this.#toast.textContent = "";
  }

  /** Two sentences in one turn are both said: a text that is replaced at once is never heard. */
  say(text, messageId = "") {
    const sentence = document.createElement("span");
    sentence.dataset.messageId = messageId;
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
    for (const { id, username, content, deleted } of messages.slice(-arrivalsMax)) {
      if (!deleted) this.say(this.#language.t("says", { name: username, content: content.slice(0, 300) }), id);
    }
  }

  /** A message that somebody else changed. Many in a row are one sentence, and what was deleted is said no longer. */
  sayChanged(message, myId) {
    const { id, deleted } = message;
    if (deleted) for (const sentence of this.#element.querySelectorAll(`[data-message-id="${id}"]`)) sentence.remove();
    if (this.#changed.size === 0) setTimeout(() => this.#sayGathered(myId), gatherMilliseconds);
    this.#changed.set(id, message);
  }

  #sayGathered(myId) {
    const messages = [...this.#changed.values()];
    this.#changed.clear();
    const [message] = messages;
    if (messages.length > 1) this.say(this.#language.t("messages_changed", { count: messages.length }));
    else if (message?.deleted) this.say(deletedSentence({ message, isMine: message.sender_id === myId }, this.#language));
    else if (message) this.say(this.#language.t("edited_by", { name: message.username }));
  }

  /** A message of mine that failed; `code` is why, `name` the hall's if it is not in view. */
  sayFailed(code, name) {
    const reason = code && code !== "internal" ? ` ${this.#language.error({ code })}` : "";
    this.say((name ? this.#language.t("not_sent_in", { name }) : this.#language.t("not_sent")) + reason);
  }
}
