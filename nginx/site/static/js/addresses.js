// SPDX-License-Identifier: Apache-2.0

// Where everything is. No other file of the page names a path from the root: the chat lies beside its chat.html, at the
// root of a host or in a folder below it.

/** The folder of chat.html as a path, from the address of a file of the page: all of those lie in its folder `static`. */
export function rootOf(fileAddress) {
  const { pathname } = new URL(fileAddress);
  return pathname.slice(0, pathname.lastIndexOf("/static/") + 1);
}

const root = rootOf(import.meta.url);

/** Where the REST interface begins. */
export const restAddress = `${root}chat/`;

export const socketAddress = `${root}socket.io/`;

/** `#/halls/3` → `{hallId: 3}`, `#/halls/3/members` → `{hallId: 3, members: true}`, anything else → `{}`. */
export function parseAddress(hash) {
  const match = /^#\/halls\/([1-9]\d{0,15})(\/members)?$/u.exec(hash);
  return match ? { hallId: Number(match[1]), members: Boolean(match[2]) } : {};
}

export function hallAddress(hallId, { members = false } = {}) {
  return `#/halls/${hallId}${members ? "/members" : ""}`;
}
