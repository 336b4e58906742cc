// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// The fuzzer: a package of its own, because it compiles chat-fcgi's routes as a library and wants testable release
// builds. `Sources` and `Targets` are links to where the code lives; `./chat fuzz` says how it is built and run.
let package = Package(
    name: "halls-fuzz",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .executableTarget(
            name: "halls-fuzz", dependencies: ["FuzzTargets"], path: "Fuzzer",
            // The main is libFuzzer's.
            swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "ChatModels", "CompactJSON", "SocketIO", "SocketIOServer", "Sockets", "chat-fcgi",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Targets"),

        // As in the package of the product.
        .target(
            name: "chat-fcgi",
            dependencies: [
                "ChatModels", "CompactJSON", "Figures", "Sockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            // All that is the process and not the answer.
            exclude: [
                "ChatFCGI.swift", "FastCGI.swift", "FastCGIServer.swift", "FrontEndSocket.swift",
                "PlainCGI.swift", "Poller.swift", "ServerFigures.swift", "ServerOptions.swift",
            ]),
        .target(
            name: "ChatModels",
            dependencies: [
                "CLinux", "CSQLite", "CSodium", "CompactJSON", "Sockets",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        .target(name: "SocketIO", dependencies: ["CompactJSON"]),
        .target(
            name: "SocketIOServer",
            dependencies: [
                "CLinux", "CSodium", "CompactJSON", "SocketIO", "Sockets",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(name: "Figures", dependencies: ["Sockets"]),
        .target(name: "Sockets", dependencies: ["CLinux"]),
        .target(name: "CompactJSON"),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium"),
        .systemLibrary(name: "CSQLite"),
        .systemLibrary(name: "CLinux"),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system {
    target.swiftSettings =
        (target.swiftSettings ?? []) + [
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            // What guides libFuzzer; of two --sanitize the compiler would take the last alone.
            .unsafeFlags([
                "-sanitize-coverage=edge,indirect-calls,trace-cmp,inline-8bit-counters,pc-table"
            ]),
        ]
}
