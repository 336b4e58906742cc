// SPDX-License-Identifier: Apache-2.0

/**
 * How far I have read each hall, as a `rev`. Kept per user on this device, shared by the windows of its browser; it only
 * grows.
 */
export class ReadPositions {
  #storage;
  #key;
  #revs = new Map();

  constructor({ storage, userId }) {
    this.#storage = storage;
    this.#key = `halls.seen.${userId}`;
    this.absorbStored();
  }

  get storageKey() {
    return this.#key;
  }

  of(hallId) {
    return this.#revs.get(hallId) ?? 0;
  }

  /**
   * A hall is listed, with so much in it. On a device that never saw the hall, its whole past is not news. A hall that ends
   * before what was read, in the first list of all, is another history: the site's data was made anew. Later in the page's
   * life it is only a list that was slow.
   */
  acquaint(hallId, rev, { isFirstList }) {
    if (!this.#revs.has(hallId) || (isFirstList && this.#revs.get(hallId) > rev)) this.#revs.set(hallId, rev);
  }

  set(hallId, rev) {
    this.#revs.set(hallId, rev);
  }

  /** What other windows have read. Before each write: they may have read further in another hall. */
  absorbStored() {
    for (const [id, rev] of Object.entries(this.#storage.get(this.#key) ?? {})) {
      this.#revs.set(Number(id), Math.max(rev, this.of(Number(id))));
    }
  }

  keep() {
    this.#storage.set(this.#key, Object.fromEntries(this.#revs));
  }
}
