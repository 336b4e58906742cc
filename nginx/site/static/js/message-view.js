// SPDX-License-Identifier: Apache-2.0

import { beginningOf, isEmojiOnly, isLong, splitContent } from "./content.js";
import { copyOf } from "./dom.js";
import { fillDisc, fillName } from "./people-view.js";
import { hueOf, spokenName } from "./users.js";

let messageCount = 0;

/** One row of the log as an element; `update` changes only what changed. */
export function createRow(row, language) {
  if (row.kind === "day") return createDay(row, language);
  if (row.kind === "unread") {
    const element = copyOf("unread-template");
    element.firstElementChild.textContent = language.t("unread_from_here");
    // What stands inside a separator is not read out; its label is.
    element.setAttribute("aria-label", language.t("unread_from_here"));
    return element;
  }
  const element = copyOf("message-template");
  nameByParts(element);
  updateRow(element, row, language);
  return element;
}

export function updateRow(element, row, language) {
  if (row.kind !== "message") return;
  const { message, isHead, isMine } = row;
  const data = element.dataset;
  fillContent(element, row, language);
  fillHead(element, row, language);
  fillMark(element, row, language);
  element.classList.toggle("is-head", isHead);
  element.classList.toggle("is-mine", isMine);
  if (message.id) data.messageId = message.id;
  if (message.client_key) data.clientKey = message.client_key;
  fillState(element, message, language);
}

// In focus a message is read out as who, when and what.
function nameByParts(element) {
  messageCount += 1;
  const ids = [".author", "time", ".message-mark", ".message-body"].map((selector, index) => {
    const part = element.querySelector(selector);
    part.id = `message-${messageCount}-${index}`;
    return part.id;
  });
  element.querySelector(".message-fold").setAttribute("aria-controls", ids[3]);
  element.setAttribute("aria-labelledby", ids.join(" "));
}

function createDay({ date }, language) {
  const element = copyOf("day-template");
  const time = element.firstElementChild;
  time.dateTime = localDay(date);
  time.textContent = language.day(date);
  element.setAttribute("aria-label", time.textContent);
  return element;
}

function localDay(date) {
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function fillHead(element, { message, date, isHead, isMine, person }, language) {
  fillDisc(element.querySelector(".disc"), person);
  element.style.setProperty("--hue", hueOf(person));
  fillName(element.querySelector(".author"), isMine ? { name: language.t("you") } : person);
  if (element.halls?.createdAt === message.created_at && element.halls.isHead === isHead) return;
  element.halls = { ...element.halls, createdAt: message.created_at, isHead };
  const time = element.querySelector("time");
  time.dateTime = message.created_at;
  time.title = language.fullDate(date);
  time.textContent = isHead ? language.hour(date) : language.shortHour(date);
}

function fillContent(element, row, language) {
  const { message: { content }, isUnfolded } = row;
  const deleted = deletedSentence(row, language);
  const { halls } = element;
  if (halls?.content === content && halls.isUnfolded === isUnfolded && halls.deleted === deleted) return;
  element.halls = { ...halls, content, isUnfolded, deleted };
  const body = element.querySelector(".message-body");
  element.classList.toggle("is-deleted", deleted !== null);
  // A sentence of the page's runs as the page does, whatever name is in it.
  body.dir = deleted === null ? "auto" : "ltr";
  if (deleted !== null) {
    body.textContent = deleted;
    body.classList.remove("is-emoji");
    element.querySelector(".message-fold").hidden = true;
    return;
  }
  const parts = splitContent(content);
  const mayFold = isLong(content);
  body.replaceChildren(...(mayFold && !isUnfolded ? beginningOf(parts) : parts).map(nodeOf));
  body.classList.toggle("is-emoji", isEmojiOnly(content));
  const button = element.querySelector(".message-fold");
  button.hidden = !mayFold;
  button.textContent = language.t(isUnfolded ? "show_less" : "show_more");
  button.setAttribute("aria-expanded", String(isUnfolded));
}

// Users' text becomes text nodes and nothing else.
function nodeOf({ text, href, host, code, block }) {
  if (block !== undefined) {
    const element = document.createElement("pre");
    element.tabIndex = 0;
    element.textContent = block;
    return element;
  }
  if (code !== undefined) {
    const element = document.createElement("code");
    element.textContent = code;
    return element;
  }
  if (href === undefined) return document.createTextNode(text);
  const link = document.createElement("a");
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  link.dir = "ltr";
  link.textContent = text;
  return host === undefined ? link : withHost(link, host);
}

// Where a link leads to another host than it seems to, that one stands beside it, in a shape that no text has.
function withHost(link, host) {
  const element = document.createElement("span");
  element.className = "link-host";
  element.dir = "ltr";
  element.textContent = host;
  const both = document.createDocumentFragment();
  both.append(link, " ", element);
  return both;
}

// What a row says of its message beside its text: that it is on its way, failed, was edited or deleted.

/** The sentence in the place of a deleted text; null where the text is there. */
export function deletedSentence({ message, isMine, person }, language) {
  const t = (key) => language.t(key, { name: spokenName(person) });
  if (message.is_deleting && message.can_undo) return t(message.is_waiting ? "deleting_later" : "deleting");
  const by = message.is_deleting ? (isMine ? "sender" : "moderator") : message.deleted;
  if (by === "sender") return t(isMine ? "deleted_by_me" : "deleted_by_sender");
  if (by === "moderator") return t(isMine ? "mine_deleted_by_moderator" : "deleted_by_moderator");
  return by ? t(isMine ? "mine_deleted_by_operator" : "deleted_by_operator") : null;
}

/** What is on its way or failed, under the text. */
function fillState(element, message, language) {
  const state = stateOf(message);
  const isWaiting = message.is_waiting === true;
  const code = message.edit?.code ?? message.code;
  const told = `${state} ${isWaiting} ${code}`;
  if (element.halls.told === told) return;
  element.halls.told = told;
  element.dataset.state = state;
  const place = element.querySelector(".message-state");
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren();
  if (state === "pending") place.textContent = language.t(isWaiting ? "sent_when_connected" : "sending");
  else if (state === "failed") place.append(failed("failed-template", "not_sent", code, language));
  else if (state === "edit-failed") place.append(failed("edit-failed-template", "edit_not_saved", code, language));
  else if (state === "deleting") place.append(named(copyOf("undo-template"), language));
  // A button that went had the focus: the message has it now.
  if (hadFocus) element.focus({ preventScroll: true });
}

function stateOf({ state = "sent", edit, is_deleting: isDeleting, can_undo: canUndo }) {
  if (isDeleting) return canUndo ? "deleting" : "sent";
  return edit?.state === "failed" ? "edit-failed" : state;
}

function failed(template, sentence, code, language) {
  const element = named(copyOf(template), language);
  const reason = code && code !== "internal" ? ` ${language.error({ code })}` : "";
  element.querySelector(".failed-text").textContent = language.t(sentence) + reason;
  return element;
}

function named(element, language) {
  for (const button of [element, ...element.querySelectorAll("button")]) {
    if (button.dataset.label) button.textContent = language.t(button.dataset.label);
  }
  return element;
}

/** The word that a message was edited, after its time; in a group, where the time is in the margin, after its text. */
function fillMark(element, { message, isHead }, language) {
  const { edited_at: editedAt = "", edit, deleted, is_deleting: isDeleting } = message;
  const pending = edit?.state === "pending" ? (edit.is_waiting ? "edit_later" : "edit_saving") : "";
  const isGone = Boolean(deleted || isDeleting);
  const marked = `${editedAt} ${pending} ${isHead} ${isGone}`;
  if (element.halls.marked === marked) return;
  element.halls.marked = marked;
  const mark = element.querySelector(".message-mark");
  const date = editedAt && language.t("edited_at", { date: language.fullDate(new Date(editedAt)) });
  mark.hidden = isGone || (!editedAt && !pending);
  mark.title = pending ? "" : date;
  mark.children[0].textContent = mark.hidden ? "" : language.t(pending || "edited");
  mark.children[1].textContent = mark.hidden ? "" : pending ? language.t(pending) : date;
  element.classList.toggle("is-edited", !mark.hidden);
  if (isHead) element.querySelector(".message-head").append(mark);
  // After the white space that parts them.
  else element.querySelector(".message-fold").before(mark);
}
