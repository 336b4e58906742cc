// SPDX-License-Identifier: Apache-2.0

// A client for Socket.IO v5 over WebSocket in the shape of the stock one, so that either can stand here.
// Left out on purpose: HTTP long-polling, binary packets, namespaces other than "/", a path that goes without saying.

import { Emitter } from "./utils.js";

export function io(url, options = {}) {
  if (typeof url === "object" && url !== null) return new Socket(undefined, url);
  return new Socket(url, options);
}

/** One WebSocket with Engine.IO's handshake and heartbeat. Its callbacks end with one `onClose(reason)`. */
class Transport {
  #webSocket;
  #watchdog = null;
  #patience = 0;
  #lastPing = 0;
  #onClose;

  constructor(address, { WebSocket, onOpen, onPing, onPacket, onClose }) {
    this.#onClose = onClose;
    this.#webSocket = new WebSocket(address);
    this.#webSocket.onmessage = ({ data }) => this.#receive(data, { onOpen, onPing, onPacket });
    this.#webSocket.onerror = () => this.close("transport error");
    this.#webSocket.onclose = () => this.close("transport close");
  }

  /** A laptop that slept wakes before its timers do; then the silence is seen here. */
  get isSilent() {
    return this.#patience > 0 && Date.now() - this.#lastPing > this.#patience;
  }

  send(text) {
    if (this.#webSocket.readyState === 1) this.#webSocket.send(text);
  }

  close(reason) {
    if (!this.#onClose) return;
    const onClose = this.#onClose;
    this.#onClose = null;
    clearTimeout(this.#watchdog);
    this.#webSocket.onmessage = this.#webSocket.onerror = this.#webSocket.onclose = null;
    this.#webSocket.close();
    onClose(reason);
  }

  #receive(data, { onOpen, onPing, onPacket }) {
    let content;
    try {
      content = decode(data);
    } catch {
      return this.close("parse error");
    }
    // An error of a handler is the page's own, and none of the wire.
    switch (data[0]) {
      case engineType.open:
        this.#patience = content.pingInterval + content.pingTimeout;
        this.#feedWatchdog();
        return onOpen();
      case engineType.ping:
        this.#feedWatchdog();
        this.send(engineType.pong + content);
        return onPing();
      case engineType.message:
        return onPacket(content);
      case engineType.close:
        return this.close("transport close");
      default:
        return undefined;
    }
  }

  #feedWatchdog() {
    this.#lastPing = Date.now();
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.close("ping timeout"), this.#patience);
  }
}

function decode(data) {
  if (typeof data !== "string") throw new Error("not text");
  const body = data.slice(1);
  if (data[0] === engineType.open) return decodeHandshake(body);
  return data[0] === engineType.message ? decodePacket(body) : body;
}

class Socket extends Emitter {
  id = undefined;
  connected = false;
  /** The manager of the stock client; here only its events: reconnect_attempt, reconnect, ping, packet. */
  io = new Emitter();

  #address;
  #options;
  #transport = null;
  #isWanted = false;
  #attempt = 0;
  #timer = null;
  #buffer = [];
  #acks = new Map();
  #nextAckId = 0;

  constructor(url, options) {
    super();
    this.#options = { reconnection: true, timeout: 20_000, autoConnect: true, ...options };
    const base = new URL(url ?? "/", globalThis.location?.href);
    const address = new URL(this.#options.path, base);
    address.protocol = address.protocol.replace("http", "ws");
    for (const [name, value] of Object.entries(this.#options.query ?? {})) address.searchParams.set(name, value);
    address.searchParams.set("EIO", "4");
    address.searchParams.set("transport", "websocket");
    this.#address = address.href;
    // As in the stock client: ends the connection as the network would, so that it comes back in its usual time.
    this.io.engine = { close: () => this.#transport?.close("forced close") };
    if (this.#options.autoConnect) this.connect();
  }

  /** Whether it is connected or will be by itself. */
  get active() {
    return this.#isWanted;
  }

  connect() {
    if (this.#isWanted) return this;
    this.#isWanted = true;
    this.#attempt = 0;
    this.#open();
    return this;
  }

  disconnect() {
    if (this.connected) this.#transport.send(engineType.message + encodePacket({ type: packetType.disconnect }));
    this.#isWanted = false;
    clearTimeout(this.#timer);
    this.#transport?.close("io client disconnect");
    return this;
  }

  /** To the server; what comes from there goes to the handlers by `super.emit`. */
  emit(event, ...values) {
    this.#emit(event, values);
    return this;
  }

  /** Rejected when the connection ends before the answer; on a connection that is not there yet it waits. */
  emitWithAck(event, ...values) {
    return this.#emitWithAck(event, values);
  }

  /** The acknowledgement's callback gets an error first, and gets it when none comes in time. */
  timeout(milliseconds) {
    return {
      emit: (event, ...values) => {
        this.#emit(event, values, { milliseconds, hearsErrors: true });
        return this;
      },
      emitWithAck: (event, ...values) => this.#emitWithAck(event, values, milliseconds),
    };
  }

  #emitWithAck(event, values, milliseconds) {
    return new Promise((resolve, reject) => {
      const settle = (error, value) => (error ? reject(error) : resolve(value));
      this.#emit(event, [...values, settle], { milliseconds, hearsErrors: true });
    });
  }

  #emit(event, values, options = {}) {
    const packet = { type: packetType.event, data: [event, ...values] };
    if (typeof values.at(-1) === "function") {
      packet.id = this.#nextAckId++;
      this.#expectAck(packet.id, packet.data.pop(), options);
    }
    if (this.#transport?.isSilent) this.#transport.close("ping timeout");
    if (this.connected) this.#transport.send(engineType.message + encodePacket(packet));
    else this.#buffer.push(packet);
  }

  /** As in the stock client: a callback that takes no error is forgotten with the connection. */
  #expectAck(id, callback, { milliseconds, hearsErrors = false }) {
    const isTimed = milliseconds !== undefined;
    const timer = isTimed ? setTimeout(() => fail("operation has timed out"), milliseconds) : undefined;
    const end = () => {
      clearTimeout(timer);
      this.#acks.delete(id);
    };
    const fail = (message) => {
      end();
      this.#buffer = this.#buffer.filter((packet) => packet.id !== id);
      if (hearsErrors) callback(new Error(message));
    };
    const resolve = (...values) => {
      end();
      callback(...(hearsErrors ? [null, ...values] : values));
    };
    this.#acks.set(id, { resolve, fail });
  }

  #open() {
    const timer = setTimeout(() => this.#transport?.close("timeout"), this.#options.timeout);
    this.#timer = timer;
    this.#transport = new Transport(this.#address, {
      WebSocket: this.#options.WebSocket ?? globalThis.WebSocket,
      onOpen: () => {
        const packet = { type: packetType.connect, data: this.#options.auth };
        this.#transport.send(engineType.message + encodePacket(packet));
      },
      onPing: () => {
        this.#attempt = 0;
        this.io.emit("ping");
      },
      onPacket: (packet) => this.#receive(packet),
      onClose: (reason) => {
        clearTimeout(timer);
        this.#closed(reason);
      },
    });
  }

  #receive({ type, namespace, id, data }) {
    this.io.emit("packet");
    if (namespace !== "/") return;
    // Being let in is not yet being served: only what comes after it shows that the next trouble is another one.
    if (type === packetType.ack || type === packetType.event) this.#attempt = 0;
    if (type === packetType.connect) this.#connected(data.sid);
    else if (type === packetType.connectError) this.#refused(data);
    else if (type === packetType.disconnect) {
      this.#isWanted = false;
      this.#transport.close("io server disconnect");
    } else if (type === packetType.ack) {
      this.#acks.get(id)?.resolve(...data);
    } else if (this.connected) {
      const [event, ...values] = data;
      if (id !== undefined) values.push((...answer) => this.#answer(id, answer));
      super.emit(event, ...values);
    }
  }

  #answer(id, data) {
    if (this.connected) this.#transport.send(engineType.message + encodePacket({ type: packetType.ack, id, data }));
  }

  #connected(sid) {
    clearTimeout(this.#timer);
    const attempts = this.#attempt;
    this.id = sid;
    this.connected = true;
    const buffer = this.#buffer;
    this.#buffer = [];
    for (const packet of buffer) this.#transport.send(engineType.message + encodePacket(packet));
    if (attempts > 0) this.io.emit("reconnect", attempts);
    super.emit("connect");
  }

  // The server knows us and says no: trying again by ourselves would only be refused again.
  #refused(data) {
    this.#isWanted = false;
    this.#transport.close("connect refused");
    const error = new Error(data.message ?? String(data));
    error.data = data.data;
    super.emit("connect_error", error);
  }

  #closed(reason) {
    const wasConnected = this.connected;
    this.connected = false;
    this.id = undefined;
    this.#transport = null;
    const buffered = new Set(this.#buffer.map((packet) => packet.id));
    if (this.#isWanted && this.#options.reconnection) this.#reconnectLater();
    else this.#isWanted = false;
    for (const [id, { fail }] of [...this.#acks]) if (!buffered.has(id)) fail("socket has been disconnected");
    if (wasConnected) super.emit("disconnect", reason);
    else if (reason !== "connect refused" && reason !== "io client disconnect") {
      super.emit("connect_error", new Error(reason === "timeout" ? "timeout" : "websocket error"));
    }
  }

  #reconnectLater() {
    const delay = reconnectionDelay(this.#attempt, Math.random(), this.#options);
    this.#attempt += 1;
    this.#timer = setTimeout(() => {
      this.io.emit("reconnect_attempt", this.#attempt);
      this.#open();
    }, delay);
  }
}

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
