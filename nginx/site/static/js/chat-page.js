// SPDX-License-Identifier: Apache-2.0

import { Announcer } from "./announcer.js";
import { Conversation } from "./conversation.js";
import { $, openDialog } from "./dom.js";
import { Editing } from "./editing.js";
import { frame } from "./frame.js";
import { HallDialogs, HallNotices } from "./hall-dialogs.js";
import { HallList, Panes, Trail } from "./navigation.js";
import { MembersPanel, ProfileDialog, showMe, shownIds } from "./people-view.js";
import { hallAddress, parseAddress } from "./server.js";
import { mayUseSingleKeys, wireKeyboard } from "./settings.js";
import { HistoryLoading } from "./sync.js";
import { UnreadLead, lastSeen, watchReading } from "./unread.js";
import { shownName } from "./users.js";

/** The chat as a page: which pane shows what, by address, and what the panes and the session tell each other. */
export class ChatPage {
  #session;
  #rest;
  #storage;
  #language;
  #hallList;
  #conversation;
  #editing;
  #loading;
  #lead;
  #announcer;
  #notices;
  #members;
  #dialogs;
  /** The hall in view, or the one that was asked for. */
  #currentId = null;
  #personOf = ({ sender_id: id, username }) => this.#session.people.of(id, username);
  #trail = new Trail();
  #panes = new Panes();
  #unwireKeys;
  #isEnded = false;

  constructor({ session, rest, storage, language, lengthMax = 4000, editSeconds, editsAreKept }) {
    const { people } = session;
    this.#session = session;
    this.#rest = rest;
    this.#storage = storage;
    this.#language = language;
    this.#hallList = new HallList({ sidebar: $("sidebar"), halls: session.halls, outbox: session.outbox, language });
    this.#announcer = new Announcer({ element: $("announcer"), toast: $("toast"), language, personOf: this.#personOf });
    this.#conversation = new Conversation({ language, storage });
    this.#conversation.composer.lengthMax = lengthMax;
    this.#editing = new Editing({
      conversation: this.#conversation, session, announcer: this.#announcer, language, lengthMax, editSeconds, editsAreKept,
    });
    this.#loading = new HistoryLoading({
      conversation: this.#conversation, session, sayFailed: () => this.show(this.#language.t("history_failed")),
    });
    this.#lead = new UnreadLead({ conversation: this.#conversation, session, done: () => this.#read() });
    this.#notices = new HallNotices({ conversation: this.#conversation, session, rest, language });
    this.#members = new MembersPanel({
      panel: $("members"), toggle: $("members-toggle"), rest, people, storage, language, panes: this.#panes, trail: this.#trail,
    });
    new ProfileDialog({ people, rest, language, done: () => this.show(language.t("profile_saved")) });
    people.on("changed", () => this.#peopleChanged());
    showMe(people);
    this.#wireSession();
    this.#wireConversation();
    $("set-topic").addEventListener("click", () => this.#dialogs.setTopic(session.halls.get(this.viewedId)));
    this.#members.on("leave", () => this.#dialogs.leave(session.halls.get(this.viewedId)));
    this.#wireDialogs();
    this.#wireKeys();
    frame.on("hall", (hallId) => this.#trail.replace(hallAddress(hallId)));
    for (const part of [this.#trail, this.#panes]) part.on("changed", () => this.#route());
    setInterval(() => this.#conversation.lookAtDay(), 30_000);
    // The last to hear of it: the parts speak it already.
    language.on("changed", () => this.#languageChanged());
  }

  get viewedId() {
    return this.#conversation.hallId;
  }

  /** What the person looks at, for the session. */
  get view() {
    const { hallId, isAtEnd } = this.#conversation;
    const isShown = hallId !== null && frame.isShown && this.#panes.isConversationShown && !this.#lead.isUnderWay;
    return { hallId, isAtEnd, isShown, isRead: isAtEnd && isShown, peopleIds: shownIds };
  }

  /** The session ended: who signs in next on this device, or looks into the page, finds nothing of it. */
  end() {
    this.#isEnded = true;
    this.#unwireKeys();
    this.#members.follow(null);
    for (const part of [this.#editing, this.#announcer, this.#conversation, this.#hallList]) part.clear();
    showMe(null);
    $("leave-title").textContent = "";
    document.title = this.#language.t("app_name");
  }

  show(text) {
    this.#announcer.show(text);
  }

  /** What comes from now on comes unseen. */
  hidden() {
    if (this.viewedId !== null && this.#conversation.isAtEnd) {
      this.#conversation.list.newMark.set(this.#session.halls.readRev(this.viewedId));
    }
  }

  visible() {
    this.#conversation.lookAtDay();
    this.#read();
  }

  /** Another window wrote to the storage; null was taken away. */
  storageChanged(key, value) {
    this.#session.halls.storageChanged(key);
    this.#session.changes.storageChanged(key, value);
    if (!this.#session.outbox.storageChanged(key, value)) return;
    this.#conversation.update();
    this.#showFailures();
  }

  #wireSession() {
    const { halls } = this.#session;
    halls.on("changed", () => this.#showTitle());
    this.#session.on("halls", () => this.#hallsChanged());
    this.#session.on("hall", (hallId) => {
      if (hallId !== this.viewedId) return;
      this.#conversation.update();
      this.#lead.follow();
      this.#read();
    });
    this.#session.on("gone", (hallId) => hallId === this.#currentId && this.#showRemoved(hallId));
    this.#session.on("loaded", (hallId) => {
      if (hallId !== this.viewedId) return;
      // What came while nobody could see it gets its mark, also when more of it came than one page holds.
      if (halls.unread(hallId) > 0) this.#conversation.list.newMark.set(halls.readRev(hallId));
      this.#conversation.restart();
      this.#lead.follow();
      this.#read();
    });
    this.#session.on("connection", (state) => {
      // What waits to be sent says so.
      this.#conversation.update();
      if (state === "online") this.#conversation.list.resumeOlder();
    });
    this.#session.on("failed", (hallId, code) => {
      this.#announcer.sayFailed(code, hallId === this.viewedId ? null : halls.get(hallId)?.name);
      this.#showFailures();
    });
    this.#session.on("waiting", (hallId, seconds) => hallId === this.viewedId && this.#conversation.composer.waitFor(seconds));
  }

  #wireConversation() {
    const conversation = this.#conversation;
    conversation.on("send", (content) => {
      this.#lead.cancel();
      conversation.list.newMark.set(null);
      conversation.goToEnd();
      this.#session.send(this.viewedId, content);
    });
    conversation.on("retry", (clientKey) => this.#session.retry(clientKey));
    conversation.on("discard", (clientKey) => {
      this.#session.discard(clientKey);
      conversation.composer.focus();
    });
    watchReading(conversation, () => this.#read());
    conversation.on("arrived", (messages) => this.#announcer.sayArrived(messages));
    conversation.composer.on("say", (text) => this.#announcer.say(text));
    $("back").addEventListener("click", () => this.#trail.back("#/"));
    document.querySelector(".skip-link").addEventListener("click", (event) => {
      // The address names the hall; a fragment must not take its place.
      event.preventDefault();
      conversation.composer.focus();
    });
  }

  #wireDialogs() {
    this.#dialogs = new HallDialogs({ session: this.#session, rest: this.#rest, language: this.#language });
    this.#dialogs.on("open", (hallId) => {
      if (location.hash === hallAddress(hallId)) this.#route();
      else this.#trail.go(hallAddress(hallId));
      this.#conversation.composer.focusUnasked();
    });
    this.#dialogs.on("left", () => {
      this.#trail.replace("#/");
      if (this.viewedId === null && !this.#panes.isNarrow) $("notice-title").focus();
    });
    $("find-hall").addEventListener("click", () => this.#find());
    for (const id of ["new-hall", "first-create", "notice-create"]) {
      $(id).addEventListener("click", () => this.#dialogs.create());
    }
    for (const id of ["join-hall", "first-join"]) $(id).addEventListener("click", () => this.#dialogs.offerOpen());
    $("notice-retry").addEventListener("click", () => this.#showStranger(this.#currentId));
    $("notice-join").addEventListener("click", () => {
      if (this.#currentId === null) this.#dialogs.offerOpen();
      else this.#dialogs.join(this.#currentId, (text) => ($("notice-lead").textContent = text));
    });
  }

  #wireKeys() {
    this.#unwireKeys = wireKeyboard({
      mayUseSingleKeys: () => mayUseSingleKeys(this.#storage),
      find: () => this.#find(),
      showShortcuts: () => openDialog($("shortcuts-dialog")),
      writeQuestion: () => {
        $("shortcuts-dialog").close();
        this.#conversation.composer.write("?");
      },
      toggleMembers: () => this.#members.toggle(),
      moveInHalls: (step) => this.#hallList.moveFocus(step),
      moveInMessages: (step) => this.#conversation.list.moveFocus(step),
      editLast: () => this.#editing.editLast() || this.#conversation.list.moveFocus(-1),
      act: (key, article) => this.#editing.press(key, article),
      compose: () => this.#conversation.composer.focus(),
      escape: () => (this.#members.isOpen ? this.#members.toggle() : frame.close()),
    });
  }

  #peopleChanged() {
    if (this.#isEnded) return;
    showMe(this.#session.people);
    this.#members.render();
    this.#conversation.list.update();
    if (this.#currentId === null) this.#route();
  }

  #languageChanged() {
    if (this.#isEnded) return;
    this.#showTitle();
    if (this.viewedId !== null) return;
    this.#currentId = null;
    this.#route();
  }

  /** What the browser's tab says: what is unread, whether something was not sent, and which hall is in view. */
  #showTitle() {
    const { halls, outbox } = this.#session;
    const t = (key, values) => this.#language.t(key, values);
    const name = halls.get(this.viewedId)?.name;
    let title = name ? `${shownName(name)} · ${t("app_name")}` : t("app_name");
    if (outbox.unseenFailures().size > 0) title = t("failed_title", { name: title });
    const count = halls.unreadTotal();
    document.title = count > 0 ? t("unread_title", { count, name: title }) : title;
    frame.sayUnread(count);
  }

  // A message that failed is marked until it was before the eyes of who wrote it.
  #showFailures() {
    if (this.view.isRead) this.#session.outbox.see(this.viewedId);
    this.#hallList.render();
    this.#showTitle();
  }

  #hallsChanged() {
    const hall = this.#session.halls.get(this.viewedId);
    if (hall) this.#conversation.setHall(hall);
    else this.#route();
    this.#showTitle();
  }

  /** Address → panes. */
  #route() {
    const { hallId = null, members = false } = parseAddress(location.hash);
    if (this.#isEnded || !this.#session.halls.isLoaded) return;
    if (hallId === null && !this.#panes.isNarrow && this.#openUsualHall()) return;
    const isKnown = this.#session.halls.get(hallId) !== undefined;
    const cameFrom = this.viewedId;
    const wasShown = this.#panes.isConversationShown;
    const isOther = this.#panes.show(hallId === null ? "halls" : members && isKnown ? "members" : "conversation");
    if (wasShown && !this.#panes.isConversationShown) this.hidden();
    if (isKnown) this.#open(hallId);
    else if (hallId === null) this.#showNoHall();
    else if (this.#currentId !== hallId || $("notice").hidden) this.#showStranger(hallId);
    this.#members.follow(isKnown ? hallId : null, members);
    this.#showTitle();
    if (isOther) this.#panes.takeFocus(() => this.#hallList.focus(cameFrom));
  }

  #openUsualHall() {
    const last = this.#session.halls.get(this.#storage.get(`halls.last.${this.#session.storageId}`));
    const hall = last ?? this.#hallList.sorted()[0];
    if (hall) this.#trail.replace(hallAddress(hall.id));
    return hall !== undefined;
  }

  #open(hallId) {
    if (this.viewedId === hallId) return this.#read();
    this.#leaveView();
    const { halls, histories, user } = this.#session;
    const history = histories.of(hallId);
    const unreadAfter = halls.unread(hallId) > 0 ? halls.readRev(hallId) : null;
    this.#currentId = hallId;
    this.#hallList.current = hallId;
    this.#conversation.open({
      hall: halls.get(hallId),
      history,
      pending: () => this.#session.pending(hallId),
      apply: (message) => this.#session.changes.apply(message),
      personOf: this.#personOf,
      user, storageId: this.#session.storageId, unreadAfter,
    });
    this.#lead.begin(hallId, unreadAfter);
    this.#storage.set(`halls.last.${this.#session.storageId}`, hallId);
    frame.say("hall", { hall: hallId });
    if (history.isLoaded) this.#session.verify(hallId);
    else this.#loading.reload();
    this.#conversation.composer.focusUnasked();
    return this.#read();
  }

  #leaveView() {
    this.#lead.cancel();
    if (this.viewedId !== null) this.#session.leaveView(this.viewedId);
  }

  #showNoHall() {
    this.#leaveView();
    this.#currentId = null;
    this.#hallList.current = null;
    this.#notices.showNoHall();
  }

  #showStranger(hallId) {
    this.#leaveView();
    this.#currentId = hallId;
    this.#hallList.current = null;
    this.#notices.showStranger(hallId, () => this.#asksInVainFor(hallId));
  }

  #showRemoved(hallId) {
    this.#hallList.current = null;
    this.#members.follow(null);
    this.#notices.showRemoved(hallId, () => this.#asksInVainFor(hallId));
  }

  #asksInVainFor(hallId) {
    return this.#currentId === hallId && this.viewedId === null;
  }

  #find() {
    this.#dialogs.find(this.#hallList.sorted());
  }

  #read() {
    const { halls, histories, outbox } = this.#session;
    if (outbox.unseenFailures().has(this.viewedId)) this.#showFailures();
    const loaded = this.viewedId !== null && histories.of(this.viewedId);
    const { isShown, isRead } = this.view;
    if (!loaded?.isLoaded || !isShown) return;
    if (isRead) {
      halls.markRead(this.viewedId, loaded.rev);
      this.#conversation.list.newMark.settle(loaded);
    } else if (halls.unread(this.viewedId) > 0 && loaded.reaches(halls.readRev(this.viewedId))) {
      halls.markRead(this.viewedId, lastSeen(this.#conversation, loaded)?.rev ?? 0);
    }
  }
}
