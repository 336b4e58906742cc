// SPDX-License-Identifier: Apache-2.0

import { isComposing } from "./utils.js";

/** The keys that work anywhere on the page. Returns what ends that. */
export function wireKeyboard({ find, showShortcuts, toggleMembers, moveInHalls, moveInMessages, copy, compose, escape }) {
  const keyDown = (event) => {
    if (isComposing(event)) return;
    const target = event.target instanceof Element ? event.target : document.body;
    const run = (action, ...values) => {
      event.preventDefault();
      action(...values);
    };
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") return run(find);
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("dialog")) return undefined;

    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step && target.closest("#hall-list")) return run(moveInHalls, step);
    if (step && target.closest("#log")) return run(moveInMessages, step);
    if (step === -1 && target.matches("#composer-text") && target.value === "") return run(moveInMessages, step);

    if (event.key === "Escape") {
      if (target.closest("#log, #scroller")) return run(compose);
      return escape(event);
    }
    if (target.closest("input, textarea, select")) return undefined;
    if (event.key === "?") return run(showShortcuts);
    if (event.key === "m") return run(toggleMembers);
    const article = target.closest("article");
    if (event.key === "c" && article) return run(copy, article);
    return undefined;
  };
  document.addEventListener("keydown", keyDown);
  return () => document.removeEventListener("keydown", keyDown);
}

/** On an Apple keyboard the key beside the space bar is ⌘. */
export function nameModifierKeys() {
  if (!/Mac|iPhone|iPad/u.test(navigator.platform)) return;
  for (const key of document.querySelectorAll("[data-modifier]")) key.textContent = "⌘";
}
