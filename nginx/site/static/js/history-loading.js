// SPDX-License-Identifier: Apache-2.0

/** Loads what the conversation in view asks for, and shows it where that fails. */
export class HistoryLoading {
  #conversation;
  #session;
  #sayFailed;

  /** `sayFailed()` says it where nothing else shows it. */
  constructor({ conversation, session, sayFailed }) {
    this.#conversation = conversation;
    this.#session = session;
    this.#sayFailed = sayFailed;
    conversation.on("older", () => this.#fetch((hallId) => session.loadOlder(hallId)));
    conversation.on("reload", () => this.reload());
    conversation.on("latest", () => this.#loadLatest());
  }

  reload() {
    return this.#fetch((hallId) => this.#session.load(hallId));
  }

  // Where it fails the button that asked for it is still there, under the line that was read.
  async #loadLatest() {
    try {
      await this.#session.load(this.#conversation.hallId);
    } catch {
      this.#sayFailed();
    }
  }

  async #fetch(load) {
    const { hallId } = this.#conversation;
    try {
      await load(hallId);
    } catch {
      if (this.#conversation.hallId === hallId) this.#conversation.showFailure();
    }
  }
}
