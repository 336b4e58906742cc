// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Halls } from "../../nginx/site/static/js/halls.js";
import { SafeStorage } from "../../nginx/site/static/js/utils.js";
import { MemoryStorage } from "./support.js";

const hall = (id, rev, values = {}) => ({ id, rev, name: `hall ${id}`, private: false, role: "member", archived: false, ...values });
const hallsOf = (storage = new MemoryStorage()) => new Halls({ storage: new SafeStorage(storage), userId: 1 });

test("the past of a hall is not news on a device that never saw it", () => {
  const halls = hallsOf();

  halls.replace([hall(1, 500)]);

  assert.equal(halls.unread(1), 0);
});

test("what comes raises the count, reading takes it away, also after a reload", () => {
  const storage = new MemoryStorage();
  const halls = hallsOf(storage);
  halls.replace([hall(1, 5), hall(2, 7)]);

  halls.raise(1, 8);
  halls.raise(2, 8);
  assert.equal(halls.unread(1), 3);
  assert.equal(halls.unreadTotal(), 4);
  halls.markRead(1);

  const later = hallsOf(storage);
  later.replace([hall(1, 9), hall(2, 8)]);
  assert.equal(later.unread(1), 1);
  assert.equal(later.unread(2), 1);
});

test("what is read only grows", () => {
  const halls = hallsOf();
  halls.replace([hall(1, 5)]);
  halls.raise(1, 9);

  halls.markRead(1, 8);
  halls.markRead(1, 6);
  halls.raise(1, 7);

  assert.equal(halls.unread(1), 1);
});

test("a list that is older than the socket's news does not take them back", () => {
  const halls = hallsOf();
  halls.replace([hall(1, 5)]);
  halls.raise(1, 9);

  halls.replace([hall(1, 7, { name: "renamed" })]);

  assert.equal(halls.get(1).rev, 9);
  assert.equal(halls.get(1).name, "renamed");
});

test("another window's reading counts here", () => {
  const storage = new MemoryStorage();
  const [one, two] = [hallsOf(storage), hallsOf(storage)];
  for (const halls of [one, two]) {
    halls.replace([hall(1, 5)]);
    halls.raise(1, 9);
  }

  one.markRead(1);
  two.storageChanged("halls.seen.1");

  assert.equal(two.unread(1), 0);
});

test("two windows that read in two halls take nothing from each other", () => {
  const storage = new MemoryStorage();
  const [one, two] = [hallsOf(storage), hallsOf(storage)];
  for (const halls of [one, two]) {
    halls.replace([hall(1, 5), hall(2, 5)]);
    halls.raise(1, 9);
    halls.raise(2, 9);
  }

  one.markRead(1);
  two.markRead(2);

  const later = hallsOf(storage);
  later.replace([hall(1, 9), hall(2, 9)]);
  assert.equal(later.unreadTotal(), 0);
  two.replace([hall(1, 8), hall(2, 9)]);
  assert.equal(two.unread(1), 0);
});

test("a hall that ends before what was read is another history", () => {
  const storage = new MemoryStorage();
  hallsOf(storage).replace([hall(1, 500)]);
  const later = hallsOf(storage);

  later.replace([hall(1, 2)]);
  later.raise(1, 3);

  assert.equal(later.unread(1), 1);
});

test("a message that was deleted before I saw it counts no more, once", () => {
  const halls = hallsOf();
  halls.replace([hall(1, 5)]);
  halls.raise(1, 8);

  for (const rev of [7, 7, 4]) halls.noteDeleted(1, rev);
  halls.noteDeleted(2, 9);
  assert.equal(halls.unread(1), 2);
  halls.raise(1, 9);
  assert.equal(halls.unread(1), 3);
  halls.markRead(1);

  assert.equal(halls.unread(1), 0);
});

test("changes are no news, and their count only grows", () => {
  const halls = hallsOf();
  halls.replace([hall(1, 5, { change: 2 }), hall(2, 5)]);

  halls.raiseChange(1, 9);
  halls.raiseChange(1, 3);
  halls.raiseChange(2, undefined);
  halls.raiseChange(3, 1);
  halls.replace([hall(1, 5, { change: 4 }), hall(2, 5)]);

  assert.deepEqual([1, 2].map((id) => halls.get(id).change), [9, 0]);
  assert.equal(halls.unreadTotal(), 0);
});
