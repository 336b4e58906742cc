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
    func verify(_ password: String, against hash: String?) -> Bool {
        Sodium.initialize()
        guard let hash else {
            _ = try? self.hash(password)
            return false
        }
        let text = Array(password.utf8CString)
        return Self.turn.withLock { _ in
            unsafe crypto_pwhash_str_verify(hash, text, UInt64(text.count - 1)) == 0
        }
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
