// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let package = Package(
    name: "halls",
    products: [
        .executable(name: "chat-fcgi", targets: ["chat-fcgi"]),
        .executable(name: "chat-push", targets: ["chat-push"]),
        .executable(name: "chat-admin", targets: ["chat-admin"]),
        .library(name: "ChatModels", targets: ["ChatModels"]),
        .library(name: "SocketIO", targets: ["SocketIO"]),
        .library(name: "SocketIOServer", targets: ["SocketIOServer"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // The daemons and the operator's command line.
        .executableTarget(
            name: "chat-fcgi",
            dependencies: [
                "CFastCGI", "CLinux", "ChatModels", "ChatOptions", "CompactJSON", "Figures",
                "Sockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
            ]),
        .executableTarget(
            name: "chat-push",
            dependencies: [
                "CLinux", "ChatModels", "ChatOptions", "CompactJSON", "Figures", "SocketIO",
                "SocketIOServer", "Sockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        .executableTarget(
            name: "chat-admin",
            dependencies: [
                "ChatModels", "ChatOptions", "CompactJSON", "Sockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            // The configurations of web servers; nginx's are links to the shipped files.
            resources: [.embedInCode("Templates")]),

        // The chat itself: what it is and how it is kept. The only place that knows SQL.
        .target(
            name: "ChatModels",
            dependencies: [
                "CLinux", "CSQLite", "CSodium", "CompactJSON", "Sockets",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        // Flags and environment variables that the programs share.
        .target(
            name: "ChatOptions",
            dependencies: [
                "ChatModels", "Sockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),

        // Socket.IO: the protocol as values, and a server for it: WebSockets on epoll, all other HTTP on SwiftNIO.
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

        // What a daemon tells of itself, as Prometheus reads it.
        .target(name: "Figures", dependencies: ["Sockets"]),
        // What a daemon does with sockets, and which pages may speak to one.
        .target(name: "Sockets", dependencies: ["CLinux"]),
        // JSON as bytes, without Foundation; bounded.
        .target(name: "CompactJSON"),

        // The C boundary.
        .systemLibrary(name: "CFastCGI", providers: [.apt(["libfcgi-dev"])]),
        .systemLibrary(
            name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CLinux"),

        // Tests: values, database, handlers; the whole product is tested in Tests/integration.
        .target(name: "ChatTesting", dependencies: ["ChatModels"], path: "Tests/ChatTesting"),
        .executableTarget(
            name: "socketio-echo",
            dependencies: [
                "CompactJSON", "SocketIO", "SocketIOServer", "Sockets",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Tests/EchoServer"),
        // The delivery checker: a whole site, many clients, and everything that may go wrong.
        .executableTarget(
            name: "halls-torture",
            dependencies: [
                "CLinux", "ChatModels", "CompactJSON",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            path: "Tests/Torture"),
        .testTarget(name: "FiguresTests", dependencies: ["ChatTesting", "Figures", "Sockets"]),
        .testTarget(name: "SocketsTests", dependencies: ["ChatTesting", "Sockets"]),
        .testTarget(name: "CompactJSONTests", dependencies: ["CompactJSON"]),
        .testTarget(name: "SocketIOTests", dependencies: ["CompactJSON", "SocketIO"]),
        .testTarget(
            name: "SocketIOServerTests",
            dependencies: [
                "CompactJSON", "SocketIO", "SocketIOServer", "Sockets",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        .testTarget(
            name: "ChatModelsTests",
            dependencies: [
                "ChatModels", "ChatTesting", "CompactJSON", "Sockets",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .testTarget(
            name: "ChatOptionsTests",
            dependencies: [
                "ChatModels", "ChatOptions", "Sockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .testTarget(
            name: "chat-adminTests",
            dependencies: [
                "ChatModels", "ChatTesting", "chat-admin",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        // What `./chat fuzz` found and was given to begin with; Fuzz/ shares the targets.
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "ChatModels", "CompactJSON", "SocketIO", "SocketIOServer", "Sockets", "chat-fcgi",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        .testTarget(
            name: "chat-fcgiTests",
            dependencies: [
                "ChatModels", "ChatTesting", "CompactJSON", "Figures", "Sockets", "chat-fcgi",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "chat-pushTests",
            dependencies: [
                "ChatModels", "ChatOptions", "ChatTesting", "CompactJSON", "Figures", "SocketIO",
                "SocketIOServer", "Sockets", "chat-push",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)

// Every Swift target gets the same, strict settings.
for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
    ]
}
