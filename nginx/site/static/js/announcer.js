// SPDX-License-Identifier: Apache-2.0

import { deletedSentence } from "./message-view.js";
import { spokenName } from "./users.js";

const keptMilliseconds = 10_000;
const sentencesMax = 20;
const arrivalsMax = 3;
const gatherMilliseconds = 1500;

const shownMilliseconds = 2500;
const shownMillisecondsPerCharacter = 50;

/** Says what happened to who does not look: in a live region, in which each sentence stands for some seconds. */
export class Announcer {
  #element;
  #toast;
  #language;
  #personOf;
  #toastTimer = null;
  /** Messages that others changed, by id, of which nothing was said yet. */
  #changed = new Map();

  constructor({ element, toast, language, personOf }) {
    this.#element = element;
    this.#toast = toast;
    this.#language = language;
    this.#personOf = personOf;
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

  sayArrived(messages) {
    for (const message of messages.slice(-arrivalsMax)) {
      const name = spokenName(this.#personOf(message));
      const content = message.content.slice(0, 300);
      if (!message.deleted) this.say(this.#language.t("says", { name, content }), message.id);
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
    if (!message) return;
    const person = this.#personOf(message);
    if (messages.length > 1) this.say(this.#language.t("messages_changed", { count: messages.length }));
    else if (!message.deleted) this.say(this.#language.t("edited_by", { name: spokenName(person) }));
    else this.say(deletedSentence({ message, isMine: message.sender_id === myId, person }, this.#language));
  }

  /** A message of mine that failed; `code` is why, `name` the hall's if it is not in view. */
  sayFailed(code, name) {
    const reason = code && code !== "internal" ? ` ${this.#language.error({ code })}` : "";
    this.say((name ? this.#language.t("not_sent_in", { name }) : this.#language.t("not_sent")) + reason);
  }
}

const patienceMilliseconds = 2000;
const backMilliseconds = 2500;

/**
 * Says what does not work at the moment, and what does. It floats: nothing moves when it comes or goes. It is never
 * hidden, only empty: a live region that appears together with its text is not heard.
 */
export class Banner {
  #element;
  #language;
  #state = null;
  #isSlow = false;
  #shown = null;
  #timer = null;

  constructor({ element, language }) {
    this.#element = element;
    this.#language = language;
    language.on("changed", () => this.#say());
  }

  /** The server lets somebody wait. What is worse than that is said in its place. */
  slowChanged(isSlow) {
    this.#isSlow = isSlow;
    this.#show(this.#state);
  }

  connectionChanged(state, before) {
    clearTimeout(this.#timer);
    if (state === "ended") this.#isSlow = false;
    if (state === "ended") this.#show(null);
    else if (state === "connecting") this.#timer = setTimeout(() => this.#show("reconnecting"), patienceMilliseconds);
    else if (state !== "online") this.#show(state);
    else if (this.#state !== null && before !== "online") {
      this.#show("back");
      this.#timer = setTimeout(() => this.#show(null), backMilliseconds);
    }
  }

  #show(state) {
    this.#state = state;
    this.#shown = this.#isSlow && !["offline", "unreachable"].includes(state) ? "slow" : state;
    this.#element.dataset.state = this.#shown ?? "";
    this.#say();
  }

  #say() {
    this.#element.textContent = this.#shown === null ? "" : this.#language.t(`banner_${this.#shown}`);
  }
}
