// SPDX-License-Identifier: Apache-2.0

import CSodium
import Synchronization

/// How passwords are hashed: Argon2id by libsodium (RFC 9106).
public struct PasswordHashing: Sendable {
    let operations: UInt64
    let memoryBytes: Int

    /// libsodium's choice for logins: 64 MiB and some 50 ms.
    public static let interactive = PasswordHashing(
        operations: UInt64(crypto_pwhash_OPSLIMIT_INTERACTIVE),
        memoryBytes: Int(crypto_pwhash_MEMLIMIT_INTERACTIVE))

    /// The least there is; only for tests.
    public static let cheapest = PasswordHashing(
        operations: UInt64(crypto_pwhash_OPSLIMIT_MIN), memoryBytes: Int(crypto_pwhash_MEMLIMIT_MIN)
    )

    /// Hashing takes 64 MiB: one at a time, so that a flood of logins costs time and not the machine's memory.
    private static let turn = Mutex(())

    /// The hash of a password, with its salt and parameters in it.
    ///
    /// - Throws: ``ChatError``: `busy` when there is no memory for it.
    func hash(_ password: String) throws(ChatError) -> String {
        Sodium.initialize()
        let text = Array(password.utf8CString)
        var hash = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
        let failed = Self.turn.withLock { _ in
            unsafe crypto_pwhash_str(
                &hash, text, UInt64(text.count - 1), operations, memoryBytes) != 0
        }
        guard !failed else { throw ChatError(.busy) }
        return String(decoding: hash.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Whether the hash is of that password. Without a hash it takes as long, and says no.
    ///
    /// - Throws: ``ChatError``: `busy` when there is no memory for it.
    func verify(_ password: String, against hash: String?) throws(ChatError) -> Bool {
        Sodium.initialize()
        guard let hash else {
            _ = try self.hash(password)
            return false
        }
        guard let hash = Argon2Hash(hash) else { return false }
        let text = Array(password.utf8CString)
        var output = [UInt8](repeating: 0, count: hash.output.count)
        // Not crypto_pwhash_str_verify, which takes want of memory for a wrong password.
        let failed = Self.turn.withLock { _ in
            unsafe crypto_pwhash(
                &output, UInt64(output.count), text, UInt64(text.count - 1), hash.salt,
                hash.operations, hash.memoryBytes, crypto_pwhash_ALG_ARGON2ID13) != 0
        }
        guard !failed else { throw ChatError(.busy) }
        return unsafe sodium_memcmp(output, hash.output, output.count) == 0
    }
}

/// The parts of `$argon2id$v=19$m=65536,t=2,p=1$SALT$HASH`, as libsodium writes it.
private struct Argon2Hash {
    let operations: UInt64
    let memoryBytes: Int
    let salt: [UInt8]
    let output: [UInt8]

    init?(_ text: String) {
        let parts = text.split(separator: "$")
        guard parts.count == 5, parts[0] == "argon2id", parts[1] == "v=19" else { return nil }
        let terms = parts[2].split(separator: ",")
        guard terms.count == 3, terms[0].hasPrefix("m="), terms[1].hasPrefix("t="),
            terms[2] == "p=1", let memory = UInt32(terms[0].dropFirst(2)),
            let operations = UInt32(terms[1].dropFirst(2)),
            let salt = Self.bytes(parts[3]), salt.count == Int(crypto_pwhash_SALTBYTES),
            let output = Self.bytes(parts[4]), output.count >= Int(crypto_pwhash_BYTES_MIN)
        else { return nil }
        self.operations = UInt64(operations)
        memoryBytes = Int(memory) * 1_024
        self.salt = salt
        self.output = output
    }

    private static func bytes(_ base64: Substring) -> [UInt8]? {
        let text = Array(base64.utf8).map(CChar.init(bitPattern:))
        var bytes = [UInt8](repeating: 0, count: text.count)
        var count = 0
        let failed = unsafe sodium_base642bin(
            &bytes, bytes.count, text, text.count, nil, &count, nil,
            sodium_base64_VARIANT_ORIGINAL_NO_PADDING)
        return failed == 0 ? Array(bytes[..<count]) : nil
    }
}

/// A session's token: 256 random bits. The client keeps the text, the database a hash of it (BLAKE2b).
struct SessionToken {
    /// What the cookie holds: 43 characters, URL-safe base64.
    let text: String

    static func random() -> SessionToken {
        Sodium.initialize()
        var bytes = [UInt8](repeating: 0, count: 32)
        unsafe randombytes_buf(&bytes, bytes.count)
        var text = [CChar](repeating: 0, count: 64)
        unsafe sodium_bin2base64(
            &text, text.count, bytes, bytes.count, sodium_base64_VARIANT_URLSAFE_NO_PADDING)
        return SessionToken(
            unchecked: String(
                decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    /// A token that a client sent; `nil` if it cannot be one.
    init?(text: String) {
        guard text.utf8.count == 43 else { return nil }
        self.text = text
    }

    private init(unchecked text: String) {
        self.text = text
    }

    /// BLAKE2b-256 of the text. It needs no salt: there is nothing to guess in 256 random bits.
    var hash: [UInt8] {
        Sodium.initialize()
        var hash = [UInt8](repeating: 0, count: 32)
        let bytes = Array(text.utf8)
        unsafe crypto_generichash(&hash, hash.count, bytes, UInt64(bytes.count), nil, 0)
        return hash
    }
}

/// A short hash that tells contents apart (BLAKE2b with 128 bits): who does not look for them finds no two of one hash,
/// and who does finds none either.
enum Fingerprint {
    static func hexadecimal(of bytes: [UInt8]) -> String {
        Sodium.initialize()
        var hash = [UInt8](repeating: 0, count: 16)
        unsafe crypto_generichash(&hash, hash.count, bytes, UInt64(bytes.count), nil, 0)
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: hash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

private enum Sodium {
    private static let once: Bool = sodium_init() >= 0

    /// libsodium wants this before anything else; it may be called any number of times.
    static func initialize() {
        precondition(once, "libsodium finds no source of random numbers")
    }
}
