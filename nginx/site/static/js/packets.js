// SPDX-License-Identifier: Apache-2.0

// Engine.IO v4 and Socket.IO v5 packets as text ↔ value. No socket, no clock.

export const engineType = { open: "0", close: "1", ping: "2", pong: "3", message: "4", upgrade: "5", noop: "6" };
export const packetType = { connect: 0, disconnect: 1, event: 2, ack: 3, connectError: 4 };

/** `{type, namespace = "/", id?, data?}` → the text after Engine.IO's "4". */
export function encodePacket({ type, namespace = "/", id, data }) {
  let text = String(type);
  if (namespace !== "/") text += `${namespace},`;
  if (id !== undefined) text += id;
  if (data !== undefined) text += JSON.stringify(data);
  return text;
}

/** The reverse; throws on what is not a packet of text (binary ones are not spoken here). */
export function decodePacket(text) {
  const match = /^([0-4])(?:(\/[^,]*),)?(\d{1,15})?([^]*)$/u.exec(text);
  if (!match) throw new Error("not a Socket.IO packet");
  const packet = { type: Number(match[1]), namespace: match[2] ?? "/" };
  if (match[3] !== undefined) packet.id = Number(match[3]);
  if (match[4] !== "") packet.data = JSON.parse(match[4]);
  if (!isWellFormed(packet)) throw new Error("malformed Socket.IO packet");
  return packet;
}

function isWellFormed({ type, id, data }) {
  const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
  switch (type) {
    case packetType.connect:
      return isObject && typeof data.sid === "string";
    case packetType.disconnect:
      return data === undefined;
    case packetType.event:
      return Array.isArray(data) && typeof data[0] === "string";
    case packetType.ack:
      return Array.isArray(data) && id !== undefined;
    default:
      return isObject || typeof data === "string";
  }
}

/** Engine.IO's open packet; throws when it lacks what the heartbeat needs. */
export function decodeHandshake(text) {
  const { sid, pingInterval, pingTimeout } = JSON.parse(text);
  if (typeof sid !== "string" || !(pingInterval > 0) || !(pingTimeout > 0)) throw new Error("malformed handshake");
  return { sid, pingInterval, pingTimeout };
}

/** Milliseconds before attempt n (from 0): 1, 2, 4, 5, 5 s, and up to 20 s for who stays away, each ± half. */
export function reconnectionDelay(attempt, random = Math.random(), options = {}) {
  const { reconnectionDelay: first = 1000, reconnectionDelayMax: cap = 5000, randomizationFactor = 0.5 } = options;
  const base = attempt < 5 ? Math.min(first * 2 ** attempt, cap) : Math.min(cap * 2 ** (attempt - 4), cap * 4);
  return Math.round(base * (1 + (random * 2 - 1) * randomizationFactor));
}
