// SPDX-License-Identifier: Apache-2.0

import CFastCGI
import Glibc
import Sockets

/// Everything that is done with libfcgi; no other file knows it.
///
/// The library wants to own its connections: it accepts, waits and closes. Here it only reads one request from a
/// connection that is ready and writes one answer, so that a kept connection costs no thread while nothing is asked.
///
/// Lengths that no memory holds end the process: the library asserts what it allocates, for parameters and for records of
/// management, which may come at any time, also in a body. Nobody can look before it does: it reads the socket itself, as
/// much as there is, so that what comes between our look and its read is seen by it alone. Whoever can write to the socket
/// is the front end, which sends no such thing and is believed in more than that (SECURITY.md).
enum FastCGI {
    /// Call this once, before the first ``FastCGIRequest``.
    ///
    /// - Returns: whether the library is ready.
    static func start() -> Bool {
        FCGX_Init() == 0
    }
}

/// The place where one thread reads its requests, one after the other.
@safe
final class FastCGIRequest {
    // The library's streams point back at it, so it stays where it is.
    private let raw = UnsafeMutablePointer<FCGX_Request>.allocate(capacity: 1)
    // What the front end says in the request that was begun last, and how long each name is.
    private var entries: [(start: UnsafeMutablePointer<CChar>, nameCount: Int)] = unsafe []

    /// How much more than it may a body may have and still be read to its end. A front end that is still writing
    /// would otherwise see a broken connection instead of the answer.
    private static let excessBytesMax = 16 << 20

    init() {
        unsafe raw.initialize(to: FCGX_Request())
        unsafe FCGX_InitRequest(raw, -1, 0)
    }

    deinit {
        unsafe raw.deallocate()
    }

    /// Reads the head of a request from a connection that has one, or will have within its receive timeout.
    ///
    /// - Returns: `false` when the peer went away or spoke something else; then the connection is closed.
    func begin(on connection: Int32) -> Bool {
        unsafe raw.pointee.ipcFd = connection
        // FCGX_Accept_r first finishes what was before: without this flag it would close the connection given to it.
        unsafe raw.pointee.keepConnection = 1
        // On an error it closes at once; it would otherwise wait two seconds for the peer to close first.
        unsafe raw.pointee.detached = 1
        // With a connection in place it accepts none. After an error it tries to, on -1, and fails.
        guard unsafe FCGX_Accept_r(raw) == 0 else {
            unsafe raw.pointee.ipcFd = -1
            return false
        }
        // A head that breaks off between two parameters passes for a whole one, but for this.
        guard isIntact else {
            unsafe FCGX_Free(raw, 1)
            return false
        }
        readEntries()
        return true
    }

    /// What the front end says under that name: a header that came more than once may be there as often.
    ///
    /// FCGX_GetParam would give the first alone.
    func values(_ name: StaticString) -> [String] {
        let count = name.utf8CodeUnitCount
        var values: [String] = []
        for unsafe(start, nameCount) in unsafe entries where nameCount == count {
            guard unsafe memcmp(start, name.utf8Start, count) == 0 else { continue }
            values.append(unsafe String(cString: start + count + 1))
        }
        return values
    }

    /// Finds where the names end in the library's list of "NAME=VALUE", which ends with a null pointer.
    private func readEntries() {
        unsafe entries.removeAll(keepingCapacity: true)
        var place = unsafe raw.pointee.envp
        while let start = unsafe place?.pointee {
            if let equals = unsafe strchr(start, Int32(UInt8(ascii: "="))) {
                unsafe entries.append((start, unsafe equals - start))
            }
            unsafe place = unsafe place.map { unsafe $0 + 1 }
        }
    }

    /// Reads the body to its end. What front ends say of its length is not believed: Apache says nothing of a chunked
    /// one, Caddy -1.
    func body(bytesMax: Int) -> HTTPRequest.Body {
        // GET is most of what comes; it has no body, which the buffered end of the stream says without a system call.
        guard let first = byte() else { return isIntact && !isShort(0) ? .whole([]) : .cutShort }
        var body = [first]
        while body.count <= bytesMax {
            // In pieces: room is made for what is there, not for what might come.
            let piece = read(atMost: min(8_192, bytesMax + 1 - body.count))
            body += piece
            if piece.isEmpty { return isIntact && !isShort(body.count) ? .whole(body) : .cutShort }
        }
        var excess = 0
        while excess < Self.excessBytesMax {
            let count = read(atMost: 8_192).count
            if count == 0 { break }
            excess += count
        }
        return .tooLarge
    }

    /// Writes the answer and ends the request, in one piece: the library would write eight kilobytes at a time.
    ///
    /// - Returns: whether the connection is good for another request; it is the caller's again, to keep or to close.
    func finish(head: [UInt8], body: [UInt8]) -> Bool {
        // What of the body was not read would be taken for the next request.
        let isGood = unsafe raw.pointee.keepConnection != 0 && byte() == nil && isIntact
        let connection = unsafe raw.pointee.ipcFd
        let records = FastCGIRecords.answer(
            head, body, to: UInt16(truncatingIfNeeded: unsafe raw.pointee.requestId))
        // Instead of FCGX_Finish_r, which would close a connection that is not kept, after up to two seconds.
        unsafe entries.removeAll(keepingCapacity: true)
        unsafe FCGX_Free(raw, 0)
        unsafe raw.pointee.ipcFd = -1
        return BlockingSocket.send(records, to: connection) && isGood
    }

    private func byte() -> UInt8? {
        UInt8(exactly: unsafe FCGX_GetChar(raw.pointee.in))
    }

    private func read(atMost count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let start = buffer.baseAddress else { return }
            initialized = unsafe start.withMemoryRebound(to: CChar.self, capacity: count) {
                Int(unsafe FCGX_GetStr($0, Int32(count), raw.pointee.in))
            }
        }
    }

    /// Whether all that was read is as the protocol has it.
    private var isIntact: Bool {
        unsafe FCGX_GetError(raw.pointee.in) == 0
    }

    /// Whether less came than the front end promised: its client left.
    private func isShort(_ count: Int) -> Bool {
        guard let promised = values("CONTENT_LENGTH").first.flatMap({ Int($0) }) else {
            return false
        }
        return count < promised
    }
}
