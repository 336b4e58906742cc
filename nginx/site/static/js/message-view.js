// SPDX-License-Identifier: Apache-2.0

import { isEmojiOnly, splitContent } from "./content.js";
import { beginningOf, isLong } from "./folding.js";
import { initialOf, personHue, shownName } from "./utils.js";

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
  const state = message.state ?? "sent";
  const data = element.dataset;
  fillContent(element, row, language);
  fillHead(element, row, language);
  element.classList.toggle("is-head", isHead);
  element.classList.toggle("is-mine", isMine);
  if (message.id) data.messageId = message.id;
  if (message.client_key) data.clientKey = message.client_key;
  const isWaiting = message.is_waiting === true;
  if (data.state === state && element.halls.isWaiting === isWaiting) return;
  data.state = state;
  element.halls.isWaiting = isWaiting;
  fillState(element, { ...message, state, isWaiting }, language);
}

// In focus a message is read out as who, when and what.
function nameByParts(element) {
  messageCount += 1;
  const ids = [".author", "time", ".message-body"].map((selector, index) => {
    const part = element.querySelector(selector);
    part.id = `message-${messageCount}-${index}`;
    return part.id;
  });
  element.querySelector(".message-fold").setAttribute("aria-controls", ids[2]);
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

function fillContent(element, { message: { content }, isUnfolded }, language) {
  if (element.halls?.content === content && element.halls.isUnfolded === isUnfolded) return;
  element.halls = { ...element.halls, content, isUnfolded };
  const body = element.querySelector(".message-body");
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

function fillState(element, { state, code, isWaiting }, language) {
  const place = element.querySelector(".message-state");
  place.replaceChildren();
  if (state === "pending") place.textContent = language.t(isWaiting ? "sent_when_connected" : "sending");
  if (state !== "failed") return;
  const failed = clone("failed-template");
  const reason = code && code !== "internal" ? ` ${language.error({ code })}` : "";
  failed.querySelector(".failed-text").textContent = language.t("not_sent") + reason;
  for (const button of failed.querySelectorAll("button")) button.textContent = language.t(button.dataset.action);
  place.append(failed);
}
