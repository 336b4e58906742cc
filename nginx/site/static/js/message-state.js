// SPDX-License-Identifier: Apache-2.0

// What a row says of its message beside its text: that it is on its way, failed, was edited or deleted.

const clone = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

/** The sentence in the place of a deleted text; null where the text is there. */
export function deletedSentence({ message, isMine }, language) {
  const t = (key) => language.t(key, { name: message.username });
  if (message.is_deleting && message.can_undo) return t(message.is_waiting ? "deleting_later" : "deleting");
  const by = message.is_deleting ? (isMine ? "sender" : "moderator") : message.deleted;
  if (by === "sender") return t(isMine ? "deleted_by_me" : "deleted_by_sender");
  if (by === "moderator") return t(isMine ? "mine_deleted_by_moderator" : "deleted_by_moderator");
  return by ? t(isMine ? "mine_deleted_by_operator" : "deleted_by_operator") : null;
}

/** What is on its way or failed, under the text. */
export function fillState(element, message, language) {
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
  else if (state === "deleting") place.append(named(clone("undo-template"), language));
  // A button that went had the focus: the message has it now.
  if (hadFocus) element.focus({ preventScroll: true });
}

function stateOf({ state = "sent", edit, is_deleting: isDeleting, can_undo: canUndo }) {
  if (isDeleting) return canUndo ? "deleting" : "sent";
  return edit?.state === "failed" ? "edit-failed" : state;
}

function failed(template, sentence, code, language) {
  const element = named(clone(template), language);
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
export function fillMark(element, { message, isHead }, language) {
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
