// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import Glibc
import Testing

/// A Socket.IO client on a blocking WebSocket: it says what it is told to and keeps what it hears, in order. Used by one
/// thread.
final class PushClient {
    /// Something that it heard.
    enum Heard: Equatable {
        case event(String, JSONValue)
        case acknowledgement(Int, JSONValue)
        /// The namespace was refused.
        case refused(JSONValue)
        case connected
        /// The server ended the stay in the namespace.
        case disconnected
        /// The WebSocket was closed with this code; 1006 where there was none.
        case closed(Int)
    }

    struct TimedOut: Error {}
    struct Broken: Error { let what: String }

    private let descriptor: Int32
    private var bytes: [UInt8] = []
    private(set) var heard: [Heard] = []
    private var lastID = 0
    /// What was looked at by ``next(timeout:)``.
    private var read = 0
    private var isClosed = false

    init(_ path: String, header: String) throws {
        descriptor = try unixConnection(to: path)
        write(
            Array(
                """
                GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\
                Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                Sec-WebSocket-Version: 13\r\n\(header)\r\n\r\n
                """.utf8))
        while true {
            if let end = headEnd() {
                let head = String(decoding: bytes[..<end], as: UTF8.self)
                guard head.hasPrefix("HTTP/1.1 101") else { throw Broken(what: head) }
                bytes.removeFirst(end)
                break
            }
            guard fill(timeout: 10_000) else { throw TimedOut() }
        }
    }

    deinit { hangUp() }

    func hangUp() {
        guard !isClosed else { return }
        isClosed = true
        close(descriptor)
    }

    private func headEnd() -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (4...bytes.count).first { bytes[($0 - 4)..<$0].elementsEqual([13, 10, 13, 10]) }
    }

    // MARK: Saying

    /// Goes into the namespace.
    func connect() throws {
        send("40")
        try #require(try next { $0 == .connected } == .connected)
    }

    func send(_ text: String) {
        let payload = Array(text.utf8)
        // The mask is zero: allowed, and leaves the bytes as they are.
        var frame: [UInt8] = [0x81]
        if payload.count < 126 {
            frame.append(0x80 | UInt8(payload.count))
        } else if payload.count < 65_536 {
            frame += [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        } else {
            frame += [0xFF] + (0..<8).reversed().map { UInt8(payload.count >> ($0 * 8) & 255) }
        }
        write(frame + [0, 0, 0, 0] + payload)
    }

    /// Sends an event.
    ///
    /// - Returns: the number of the answer.
    @discardableResult
    func emit(_ event: String, _ argument: JSONValue, wantsAnswer: Bool = true) -> Int {
        if wantsAnswer { lastID += 1 }
        let arguments = String(
            decoding: JSONValue.array([.string(event), argument]).bytes, as: UTF8.self)
        send("42" + (wantsAnswer ? "\(lastID)" : "") + arguments)
        return lastID
    }

    /// Sends an event and waits for the answer.
    func call(_ event: String, _ argument: JSONValue) throws -> JSONValue {
        try answer(to: emit(event, argument))
    }

    private func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    // MARK: Hearing

    /// The answer with a number; what is heard before it is kept.
    func answer(to id: Int) throws -> JSONValue {
        while true {
            for case .acknowledgement(id, let answer) in heard { return answer }
            guard try hear() else { throw TimedOut() }
        }
    }

    /// The next thing that was not yet looked at and that a test wants.
    func next(timeout: Int32 = 10_000, _ isWanted: (Heard) -> Bool = { _ in true }) throws -> Heard
    {
        while true {
            while read < heard.count {
                read += 1
                if isWanted(heard[read - 1]) { return heard[read - 1] }
            }
            guard try hear(timeout: timeout) else { throw TimedOut() }
        }
    }

    /// How its connection ends, when it does.
    func end() throws -> Heard { try next(isEnd) }

    /// The next event of a name.
    func nextEvent(_ name: String, timeout: Int32 = 10_000) throws -> JSONValue {
        let heard = try next(timeout: timeout) {
            if case .event(name, _) = $0 { true } else { false }
        }
        guard case .event(_, let argument) = heard else { throw TimedOut() }
        return argument
    }

    /// Hears all there is until nothing comes for so long.
    func drain(_ milliseconds: Int32) throws {
        while try hear(timeout: milliseconds) {}
    }

    /// The contents of the messages that were heard.
    var contents: [String] {
        heard.compactMap {
            if case .event("new_message", let message) = $0 {
                message["content"]?.string
            } else {
                nil
            }
        }
    }

    /// Hears at least one thing more, if one comes in time.
    private func hear(timeout: Int32 = 10_000) throws -> Bool {
        let count = heard.count
        while heard.count == count {
            if let frame = takeFrame() {
                try take(frame)
            } else if heard.last.map(isEnd) == true || !fill(timeout: timeout) {
                return false
            }
        }
        return true
    }

    private func isEnd(_ heard: Heard) -> Bool {
        if case .closed = heard { true } else { false }
    }

    private func fill(timeout: Int32) -> Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&poller, 1, timeout) > 0 else { return false }
        let part = unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            count = unsafe max(0, recv(descriptor, buffer.baseAddress, buffer.count, 0))
        }
        if part.isEmpty {
            if heard.last.map(isEnd) != true { heard.append(.closed(1006)) }
        }
        bytes += part
        return true
    }

    private func takeFrame() -> (opcode: UInt8, payload: ArraySlice<UInt8>)? {
        guard bytes.count >= 2 else { return nil }
        var (length, start) = (Int(bytes[1] & 127), 2)
        if length >= 126 {
            let size = length == 126 ? 2 : 8
            guard bytes.count >= 2 + size else { return nil }
            length = bytes[2..<2 + size].reduce(0) { $0 << 8 | Int($1) }
            start += size
        }
        guard bytes.count >= start + length else { return nil }
        let frame = (bytes[0] & 15, bytes[start..<start + length])
        bytes.removeFirst(start + length)
        return frame
    }

    private func take(_ frame: (opcode: UInt8, payload: ArraySlice<UInt8>)) throws {
        let text = frame.payload
        guard frame.opcode == 1 else {
            if frame.opcode == 8 {
                heard.append(.closed(text.prefix(2).reduce(0) { $0 << 8 | Int($1) }))
            }
            return
        }
        switch text.prefix(2) {
        case ArraySlice("2".utf8): send("3")
        case ArraySlice("40".utf8): heard.append(.connected)
        case ArraySlice("41".utf8): heard.append(.disconnected)
        case ArraySlice("44".utf8):
            heard.append(.refused(try JSONValue(parsing: text.dropFirst(2))))
        case ArraySlice("42".utf8):
            let event = try JSONValue(parsing: text.dropFirst(2)).array ?? []
            heard.append(.event(event.first?.string ?? "", event.last ?? .null))
        case ArraySlice("43".utf8):
            let digits = text.dropFirst(2).prefix { 48...57 ~= $0 }
            let answer = try JSONValue(parsing: text.dropFirst(2 + digits.count)).array?.first
            heard.append(
                .acknowledgement(Int(String(decoding: digits, as: UTF8.self)) ?? 0, answer ?? .null)
            )
        default: break
        }
    }
}

extension JSONValue {
    /// Whether an answer says that it was done.
    var isOK: Bool { self["ok"]?.bool == true }
    /// The code of an answer that says that it was not done.
    var errorCode: String? { self["error"]?["code"]?.string }
    /// The positions of the messages in an answer.
    var revs: [Int64]? { self["messages"]?.array?.compactMap { $0["rev"]?.integer } }
}
