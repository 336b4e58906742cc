// SPDX-License-Identifier: Apache-2.0

import { isEmojiOnly, splitContent } from "./content.js";
import { beginningOf, isLong } from "./folding.js";
import { deletedSentence, fillMark, fillState } from "./message-state.js";
import { initialOf, personHue, shownName } from "./users.js";

let messageCount = 0;

const clone = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

/** One row of the log as an element; `update` changes only what changed. */
export function createRow(row, language) {
  if (row.kind === "day") return createDay(row, language);
  if (row.kind === "unread") {
    const element = clone("unread-template");
    element.firstElementChild.textContent = language.t("unread_from_here");
    // What stands inside a separator is not read out; its label is.
    element.setAttribute("aria-label", language.t("unread_from_here"));
    return element;
  }
  const element = clone("message-template");
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
  const element = clone("day-template");
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

function fillHead(element, { message, date, isHead, isMine }, language) {
  if (element.halls?.createdAt === message.created_at && element.halls.isHead === isHead) return;
  element.halls = { ...element.halls, createdAt: message.created_at, isHead };
  element.style.setProperty("--hue", personHue(message.sender_id));
  element.querySelector(".disc").textContent = initialOf(message.username);
  element.querySelector(".author").textContent = isMine ? language.t("you") : shownName(message.username);
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
