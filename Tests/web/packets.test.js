// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeHandshake, decodePacket, encodePacket, reconnectionDelay } from "../../nginx/site/static/js/socket.js";

// The examples of Socket.IO's protocol description, revision 5.
const examples = [
  ['0{"sid":"oSO0OpakMV_3jnilAAAA"}', { type: 0, namespace: "/", data: { sid: "oSO0OpakMV_3jnilAAAA" } }],
  ['4{"message":"Not authorized"}', { type: 4, namespace: "/", data: { message: "Not authorized" } }],
  ['2["foo"]', { type: 2, namespace: "/", data: ["foo"] }],
  ['2/admin,["bar"]', { type: 2, namespace: "/admin", data: ["bar"] }],
  ['212["foo"]', { type: 2, namespace: "/", id: 12, data: ["foo"] }],
  ['3/admin,13["bar"]', { type: 3, namespace: "/admin", id: 13, data: ["bar"] }],
  ["1/admin,", { type: 1, namespace: "/admin" }],
  ["1", { type: 1, namespace: "/" }],
];

test("packets are read and written as the protocol describes them", () => {
  for (const [text, packet] of examples) {
    assert.deepEqual(decodePacket(text), packet);
    assert.equal(encodePacket(packet), text);
  }
});

test("text of any kind passes through an event", () => {
  const data = ["m", { content: '"\\\n\u2028😀 صباح 你好 \u0000' }];

  assert.deepEqual(decodePacket(encodePacket({ type: 2, id: 0, data })), { type: 2, namespace: "/", id: 0, data });
});

test("what is no packet is refused", () => {
  const malformed = ["", "x", "9", "2", "2{}", "2[]", "2[1]", "0", "0[]", "0{}", '1{"a":1}', "3[]", "3", "2[", "4", '51-["a"]', "2/a"];

  for (const text of malformed) assert.throws(() => decodePacket(text), text);
});

test("a handshake without a heartbeat is refused", () => {
  assert.deepEqual(
    decodeHandshake('{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'),
    { sid: "a", pingInterval: 25_000, pingTimeout: 20_000 },
  );
  for (const text of ["", "{}", '{"sid":"a"}', '{"sid":1,"pingInterval":1,"pingTimeout":1}', "[]"]) {
    assert.throws(() => decodeHandshake(text), text);
  }
});

test("attempts come after 1, 2, 4, 5, 5 and then up to 20 seconds", () => {
  const delays = Array.from({ length: 9 }, (_, attempt) => reconnectionDelay(attempt, 0.5));

  assert.deepEqual(delays, [1000, 2000, 4000, 5000, 5000, 10_000, 20_000, 20_000, 20_000]);
});

test("attempts are spread by half to both sides", () => {
  assert.equal(reconnectionDelay(0, 0), 500);
  assert.equal(reconnectionDelay(0, 1), 1500);
  assert.equal(reconnectionDelay(1000, 1), 30_000);
});
