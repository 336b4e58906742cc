// SPDX-License-Identifier: Apache-2.0

/** What a hall is beside its name, as icons that have names of their own: private, archived. */
export function showHallIcons(element, hall, language) {
  const icons = { private_hall: hall.private, archived_hall: hall.archived };
  for (const [name, isShown] of Object.entries(icons)) {
    const icon = element.querySelector(`[data-mark="${name}"]`);
    icon.toggleAttribute("hidden", !isShown);
    icon.setAttribute("aria-label", language.t(name));
  }
}
