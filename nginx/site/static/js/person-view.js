// SPDX-License-Identifier: Apache-2.0

import { initialOf, personHue, shownName } from "./users.js";

/** The disc with a person's initial, in their colour. */
export function fillDisc(disc, { id, username }) {
  disc.textContent = initialOf(username);
  disc.style.setProperty("--hue", personHue(id));
}

/** Who is signed in, at the foot of the halls; null for nobody. */
export function showMe(user) {
  const disc = document.getElementById("me-disc");
  document.getElementById("me-name").textContent = user ? shownName(user.username) : "";
  if (user) fillDisc(disc, user);
  else disc.textContent = "";
}
