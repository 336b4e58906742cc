// SPDX-License-Identifier: Apache-2.0

import { FormDialog, HallPicker } from "./dialogs.js";
import { Emitter } from "./utils.js";

const $ = (id) => document.getElementById(id);

/** Making, finding, joining and leaving halls. Emits open(hallId), left(). */
export class HallDialogs extends Emitter {
  #session;
  #rest;
  #language;
  #create;
  #leave;
  #topic;
  #finder;
  #opener;
  #leaving = null;
  #named = null;

  constructor({ session, rest, language }) {
    super();
    this.#session = session;
    this.#rest = rest;
    this.#language = language;
    this.#create = new FormDialog({
      dialog: $("create-dialog"),
      language,
      submit: ({ name, private: isPrivate }) => session.create(name.trim(), isPrivate === "on"),
      done: ({ id }) => this.emit("open", id),
    });
    this.#leave = new FormDialog({
      dialog: $("leave-dialog"),
      language,
      submit: () => session.leave(this.#leaving),
      done: () => this.emit("left"),
    });
    this.#topic = new FormDialog({
      dialog: $("topic-dialog"),
      language,
      submit: ({ topic }) => rest.setTopic(this.#named, topic.trim()),
      done: () => {},
    });
    this.#finder = new HallPicker({ dialog: $("find-dialog"), texts: () => this.#texts("", "halls_none") });
    this.#finder.on("choose", ({ id }) => {
      this.#finder.close();
      this.emit("open", id);
    });
    this.#opener = new HallPicker({
      dialog: $("join-dialog"),
      texts: () => this.#texts(this.#language.t("join"), "open_halls_none"),
    });
    this.#opener.on("choose", ({ id }) => this.join(id, (text) => this.#opener.say(text)));
  }

  create() {
    this.#create.open();
  }

  find(halls) {
    this.#finder.open();
    this.#finder.show(halls);
  }

  async offerOpen() {
    this.#opener.open({ loading: this.#language.t("loading") });
    try {
      this.#opener.show(await this.#rest.openHalls());
    } catch {
      this.#opener.fail(this.#language.t("open_halls_failed"));
    }
  }

  /** What a hall is about. Open pages hear of it by an event, this one too. */
  setTopic(hall) {
    if (!hall) return;
    this.#named = hall.id;
    this.#topic.open();
    $("topic-input").value = hall.topic ?? "";
    $("topic-input").select();
  }

  leave(hall) {
    if (!hall) return;
    this.#leaving = hall.id;
    $("leave-title").textContent = this.#language.t("leave_title", { name: hall.name });
    $("leave-lead").textContent = this.#language.t(hall.private ? "leave_lead_private" : "leave_lead");
    this.#leave.open();
  }

  /** Joins and opens; `say` gets the sentence of why not. */
  async join(hallId, say) {
    try {
      await this.#session.join(hallId);
    } catch (error) {
      return void say(this.#language.error(error));
    }
    this.#opener.close();
    return void this.emit("open", hallId);
  }

  #texts(action, none) {
    const language = this.#language;
    return { action, none: language.t(none), nothingFound: language.t("nothing_found"), language };
  }
}
