// SPDX-License-Identifier: Apache-2.0

import { $, copyText } from "./dom.js";
import { MessageActions } from "./message-actions.js";
import { MessageEditor } from "./message-editor.js";

/** What one does to messages that are there: between the conversation, where one does it, and the session, which sends it. */
export class Editing {
  #conversation;
  #session;
  #announcer;
  #language;
  #actions;
  #editor;
  #editSeconds;
  /** The focus goes back to the row, or to the input. */
  #isFromRow = true;
  /** What was being written when a hall was left, by hall. */
  #left = new Map();

  constructor({ conversation, session, announcer, language, lengthMax, editSeconds = Infinity, editsAreKept }) {
    this.#conversation = conversation;
    this.#session = session;
    this.#announcer = announcer;
    this.#language = language;
    this.#editSeconds = editSeconds;
    const { log } = conversation;
    const dialog = $("message-dialog");
    this.#actions = new MessageActions({ log, dialog, about: (article) => this.#about(article), language });
    this.#editor = new MessageEditor({ language, editsAreKept });
    this.#editor.lengthMax = lengthMax;
    this.#actions.on("act", (name, article) => this.#act(name, article));
    log.addEventListener("click", (event) => this.#clicked(event));
    this.#wireEditor();
    this.#wireConversation();
    this.#wireSession();
  }

  clear() {
    this.#left.clear();
    this.#actions.clear();
    this.#editor.close();
  }

  /** A key while a message has the focus; false where it means nothing. */
  press(key, article) {
    return this.#actions.press(key, article);
  }

  /** Opens the last message of mine that may be edited; false where there is none. */
  editLast() {
    const list = this.#conversation.list;
    const about = (message) => this.#aboutMessage(this.#session.changes.apply(message));
    const last = this.#conversation.messages.findLast((message) => this.#actions.offers("edit", about(message)));
    if (!last) return false;
    if (!list.rowOf(last.id)) this.#conversation.goToEnd();
    if (!list.rowOf(last.id)) return false;
    this.#open(this.#session.changes.apply(last), { isFromRow: false });
    return true;
  }

  #about(article) {
    const message = this.#conversation.messageAt(article);
    return message && !article.classList.contains("is-editing") ? this.#aboutMessage(message) : null;
  }

  #aboutMessage(message) {
    return {
      message,
      hall: this.#conversation.hall,
      isMine: message.sender_id === this.#session.user.id,
      age: (Date.now() - new Date(message.created_at)) / 1000,
      editSeconds: this.#editSeconds,
    };
  }

  #act(name, article) {
    const message = this.#conversation.messageAt(article);
    if (!message) return;
    if (name === "copy") this.#copy(message.content);
    else if (name === "edit") this.#open(message);
    else if (name === "delete") this.#delete(message);
  }

  async #copy(text) {
    this.#announcer.show(this.#language.t((await copyText(text)) ? "copied" : "copy_failed"));
  }

  #clicked(event) {
    const action = event.target.closest("[data-action]")?.dataset.action;
    const message = this.#conversation.messageAt(event.target.closest("article"));
    if (!message) return;
    if (action === "undo") this.#session.changes.undo(message);
    else if (action === "discard-edit") this.#session.changes.discard(message);
    else if (action === "edit-again") this.#openRefused(message, message.edit);
  }

  #open(message, { content, note, isFromRow = true, takesFocus = true } = {}) {
    if (this.#editor.unsaved && this.#editor.message.id !== message.id) {
      this.#editor.keepInSight();
      this.#editor.focus();
      return void this.#announcer.show(this.#language.t("edit_open"));
    }
    this.#isFromRow = isFromRow;
    this.#conversation.list.keepPlace(() => {
      this.#editor.open({ message, content, note });
      this.#attach();
    });
    if (takesFocus) this.#editor.focus();
    this.#editor.keepInSight();
    return undefined;
  }

  #openRefused(message, { content, code }, more) {
    this.#open(message, { content, note: this.#refusal("edit_not_saved", code), ...more });
  }

  #delete(message) {
    this.#session.changes.delete(message);
    this.#announcer.say(this.#language.t("deleting"));
    this.#conversation.list.rowOf(message.id)?.querySelector('[data-action="undo"]')?.focus({ preventScroll: true });
  }

  /** Where the box is, its message is: in a row that may be another than a moment ago, or in none. */
  #attach() {
    const { message } = this.#editor;
    if (!message) return;
    this.#editor.attach(this.#conversation.list.rowOf(message.id));
    if (this.#conversation.messages.find(({ id }) => id === message.id)?.deleted) this.#editor.gone();
  }

  #close() {
    const id = this.#editor.message?.id;
    const hadFocus = this.#editor.hasFocus;
    this.#conversation.list.keepPlace(() => this.#editor.close());
    if (!hadFocus) return;
    if (this.#isFromRow) this.#conversation.list.rowOf(id)?.focus({ preventScroll: true });
    else this.#conversation.composer.focusUnasked();
  }

  #wireEditor() {
    const { changes } = this.#session;
    this.#editor.on("save", (message, content) => {
      this.#close();
      changes.edit(message, content);
    });
    this.#editor.on("remove", (message) => {
      this.#close();
      this.#delete(message);
    });
    this.#editor.on("cancel", (message) => {
      this.#close();
      // An edit that was refused is given up with the box that held it.
      if (changes.apply(message).edit?.state === "failed") changes.discard(message);
    });
    this.#editor.on("copy", (text) => this.#copy(text));
    this.#editor.on("say", (text) => this.#announcer.say(text));
    this.#editor.on("fitted", () => this.#conversation.list.holdEnd());
    // A keyboard on the screen takes half of the place.
    new ResizeObserver(() => this.#editor.hasFocus && this.#editor.keepInSight()).observe(this.#conversation.scroller);
  }

  #wireConversation() {
    this.#conversation.on("rendered", () => {
      this.#attach();
      this.#actions.refresh();
    });
    this.#conversation.on("updated", () => this.#editor.hasFocus && this.#editor.keepInSight());
    this.#conversation.on("leaving", (hallId) => {
      if (this.#editor.unsaved) this.#left.set(hallId, this.#editor.unsaved);
      this.#editor.close();
      this.#actions.clear();
    });
    this.#conversation.on("opened", (hallId) => {
      const left = this.#left.get(hallId);
      this.#left.delete(hallId);
      if (left) this.#open(left.message, { ...left, takesFocus: false });
    });
  }

  #wireSession() {
    const { changes } = this.#session;
    changes.on("refused", (entry, code) => this.#refused(entry, code));
    this.#session.on("changed", (message) => {
      if (message.hall_id === this.#conversation.hallId) this.#announcer.sayChanged(message, this.#session.user.id);
    });
  }

  #refused({ kind, hall_id: hallId, message_id: id, content }, code) {
    const isInView = hallId === this.#conversation.hallId;
    if (kind === "delete") return void this.#announcer.show(this.#refusal("delete_failed", code));
    const message = isInView && this.#conversation.messages.find((each) => each.id === id);
    if (!message || this.#editor.isOpen || !this.#conversation.list.rowOf(id)) {
      const { name = "" } = this.#session.halls.get(hallId) ?? {};
      return void this.#announcer.show(this.#refusal(isInView ? "edit_not_saved" : "edit_not_saved_in", code, { name }));
    }
    this.#announcer.say(this.#refusal("edit_not_saved", code));
    // Who writes something else meanwhile goes on writing.
    const isWriting = document.activeElement?.closest("dialog, input, textarea:not(:placeholder-shown)");
    return this.#openRefused(message, { content, code }, { isFromRow: this.#isFromRow, takesFocus: !isWriting });
  }

  #refusal(key, code, values) {
    return `${this.#language.t(key, values)} ${this.#language.error({ code })}`;
  }
}
