// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { HallDirectory } from "../../nginx/site/static/js/halls.js";
import { SafeStorage } from "../../nginx/site/static/js/utils.js";
import { MemoryStorage } from "./support.js";

const hall = (id, rev, values = {}) => ({ id, rev, name: `hall ${id}`, private: false, role: "member", archived: false, ...values });
const directoryOf = (storage = new MemoryStorage()) => new HallDirectory({ storage: new SafeStorage(storage), userId: 1 });

test("the past of a hall is not news on a device that never saw it", () => {
  const directory = directoryOf();

  directory.replace([hall(1, 500)]);

  assert.equal(directory.unread(1), 0);
});

test("what comes raises the count, reading takes it away, also after a reload", () => {
  const storage = new MemoryStorage();
  const directory = directoryOf(storage);
  directory.replace([hall(1, 5), hall(2, 7)]);

  directory.raise(1, 8);
  directory.raise(2, 8);
  assert.equal(directory.unread(1), 3);
  assert.equal(directory.unreadTotal(), 4);
  directory.markSeen(1);

  const later = directoryOf(storage);
  later.replace([hall(1, 9), hall(2, 8)]);
  assert.equal(later.unread(1), 1);
  assert.equal(later.unread(2), 1);
});

test("what is read only grows", () => {
  const directory = directoryOf();
  directory.replace([hall(1, 5)]);
  directory.raise(1, 9);

  directory.markSeen(1, 8);
  directory.markSeen(1, 6);
  directory.raise(1, 7);

  assert.equal(directory.unread(1), 1);
});

test("a list that is older than the socket's news does not take them back", () => {
  const directory = directoryOf();
  directory.replace([hall(1, 5)]);
  directory.raise(1, 9);

  directory.replace([hall(1, 7, { name: "renamed" })]);

  assert.equal(directory.get(1).rev, 9);
  assert.equal(directory.get(1).name, "renamed");
});

test("another window's reading counts here", () => {
  const storage = new MemoryStorage();
  const [one, two] = [directoryOf(storage), directoryOf(storage)];
  for (const directory of [one, two]) {
    directory.replace([hall(1, 5)]);
    directory.raise(1, 9);
  }

  one.markSeen(1);
  two.refreshSeen();

  assert.equal(two.unread(1), 0);
});

test("two windows that read in two halls take nothing from each other", () => {
  const storage = new MemoryStorage();
  const [one, two] = [directoryOf(storage), directoryOf(storage)];
  for (const directory of [one, two]) {
    directory.replace([hall(1, 5), hall(2, 5)]);
    directory.raise(1, 9);
    directory.raise(2, 9);
  }

  one.markSeen(1);
  two.markSeen(2);

  const later = directoryOf(storage);
  later.replace([hall(1, 9), hall(2, 9)]);
  assert.equal(later.unreadTotal(), 0);
  two.replace([hall(1, 8), hall(2, 9)]);
  assert.equal(two.unread(1), 0);
});

test("a position behind what was seen is another history", () => {
  const storage = new MemoryStorage();
  directoryOf(storage).replace([hall(1, 500)]);
  const later = directoryOf(storage);

  later.replace([hall(1, 2)]);
  later.raise(1, 3);

  assert.equal(later.unread(1), 1);
});

test("a message that was deleted before I saw it counts no more, once", () => {
  const directory = directoryOf();
  directory.replace([hall(1, 5)]);
  directory.raise(1, 8);

  for (const rev of [7, 7, 4]) directory.noteDeleted(1, rev);
  directory.noteDeleted(2, 9);
  assert.equal(directory.unread(1), 2);
  directory.raise(1, 9);
  assert.equal(directory.unread(1), 3);
  directory.markSeen(1);

  assert.equal(directory.unread(1), 0);
});

test("changes are no news, and their position only grows", () => {
  const directory = directoryOf();
  directory.replace([hall(1, 5, { change: 2 }), hall(2, 5)]);

  directory.raiseChange(1, 9);
  directory.raiseChange(1, 3);
  directory.raiseChange(2, undefined);
  directory.raiseChange(3, 1);
  directory.replace([hall(1, 5, { change: 4 }), hall(2, 5)]);

  assert.deepEqual([1, 2].map((id) => directory.get(id).change), [9, 0]);
  assert.equal(directory.unreadTotal(), 0);
});
