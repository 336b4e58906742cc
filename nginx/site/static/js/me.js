// SPDX-License-Identifier: Apache-2.0

import { initialOf, personHue, shownName } from "./utils.js";

const $ = (id) => document.getElementById(id);

/** Who is signed in, at the foot of the halls; null for nobody. */
export function showMe(user) {
  $("me-name").textContent = user ? shownName(user.username) : "";
  $("me-disc").textContent = user ? initialOf(user.username) : "";
  if (user) $("me-disc").style.setProperty("--hue", personHue(user.id));
}
