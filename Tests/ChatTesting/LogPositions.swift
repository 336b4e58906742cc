// SPDX-License-Identifier: Apache-2.0

public import ChatModels

// Tests on SQLite know that the entries of its log are counted from 1.
extension LogPosition: ExpressibleByIntegerLiteral {
    /// The position of an entry.
    public init(integerLiteral value: Int64) { self.init(value) }
}
