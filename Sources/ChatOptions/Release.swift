// SPDX-License-Identifier: Apache-2.0

/// What this is.
public enum Release {
    /// The version, as in CHANGELOG.md.
    public static let version = "0.1.0-dev"
}
