// swift-tools-version: 6.2
import PackageDescription

// The target graph of docs/architecture.md, checked by `--explicit-target-dependency-import-check error`:
//   C* <- EventLoop|HTTPClient|Redis|Postgres|SQLite|Crypto|Markdown|JSON <- Journal|Bridge <- chatbridge -> Adapters/*
// Adapters see BridgeCore and the pure modules below it, never a client, a store, the engine or each other.

let package = Package(
    name: "chatbridge",
    products: [
        .executable(name: "chatbridge", targets: ["chatbridge"]),
        .library(name: "BridgeCore", targets: ["BridgeCore"]),
        .library(name: "BridgeTesting", targets: ["BridgeTesting"]),
    ],
    targets: [
        // C libraries: a module map and a shim header each, no logic. Only the Swift module of the same idea imports one.
        .systemLibrary(name: "CEvent", path: "Sources/CLibraries/CEvent", providers: [.apt(["libevent-dev"])]),
        .systemLibrary(name: "CCurl", path: "Sources/CLibraries/CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CHiredis", path: "Sources/CLibraries/CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(
            name: "CLibPQ", path: "Sources/CLibraries/CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CSQLite", path: "Sources/CLibraries/CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "COpenSSL", path: "Sources/CLibraries/COpenSSL", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLoader", path: "Sources/CLibraries/CLoader"),
        .systemLibrary(name: "CCMark", path: "Sources/CLibraries/CCMark", providers: [.apt(["libcmark-dev"])]),
        .target(
            name: "CSimdJSON", path: "Sources/CLibraries/CSimdJSON", cxxSettings: [.unsafeFlags(["-O2"])],
            linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CWebPage", path: "Sources/CLibraries/CWebPage", exclude: ["assets"]),
        .target(name: "CMigrations", path: "Sources/CLibraries/CMigrations"),

        // Leaves: values and wrappers that know nothing of chat.
        .target(name: "EventLoop", dependencies: ["CEvent"]),
        .target(name: "Failpoints"),
        .target(name: "HTTPCore"),
        .target(name: "JSON", dependencies: ["CSimdJSON"]),
        .target(name: "Crypto", dependencies: ["COpenSSL", "JSON"]),
        .target(name: "Markdown", dependencies: ["CCMark"]),
        .target(name: "Telemetry"),
        .target(name: "HTTPServer", dependencies: ["EventLoop", "HTTPCore"]),
        .target(name: "HTTPClient", dependencies: ["EventLoop", "HTTPCore", "CCurl"]),
        .target(
            name: "Tracing",
            dependencies: ["BridgeCore", "Crypto", "EventLoop", "HTTPClient", "HTTPCore", "JSON", "Telemetry"]),
        .target(name: "WebSocket", dependencies: ["Crypto", "EventLoop", "HTTPClient", "HTTPCore", "HTTPServer"]),
        .target(name: "Redis", dependencies: ["EventLoop", "Crypto", "CHiredis"]),
        .target(name: "ThreadExecutor"),
        .target(name: "ProcessMemory", dependencies: ["CLoader"]),
        .target(name: "Postgres", dependencies: ["CLibPQ", "ThreadExecutor"]),
        .target(name: "SQLite", dependencies: ["CSQLite", "ThreadExecutor"]),

        // The product.
        .target(name: "BridgeCore", dependencies: ["HTTPCore", "JSON"]),
        .target(name: "Agents", dependencies: ["BridgeCore", "Crypto", "HTTPCore", "JSON"]),
        .target(
            name: "Journal",
            dependencies: [
                "BridgeCore", "CMigrations", "EventLoop", "Failpoints", "JSON", "Crypto", "Postgres", "Redis", "SQLite",
                "Telemetry",
                "ThreadExecutor", "Tracing",
            ]),
        .target(
            name: "Inbox",
            dependencies: [
                "BridgeCore", "Crypto", "EventLoop", "Failpoints", "JSON", "Journal", "Redis", "SQLite", "Telemetry",
                "ThreadExecutor",
            ]),
        .target(name: "ObjectStorage", dependencies: ["BridgeCore", "Crypto", "EventLoop", "HTTPClient", "HTTPCore"]),
        .target(
            name: "Retention",
            dependencies: ["BridgeCore", "Crypto", "Inbox", "JSON", "Journal", "Postgres", "Redis", "SQLite"]),
        .target(
            name: "Bridge",
            dependencies: [
                "BridgeCore", "EventLoop", "Failpoints", "HTTPClient", "HTTPCore", "HTTPServer", "Inbox", "JSON",
                "Journal", "Crypto",
                "ObjectStorage", "Telemetry", "ThreadExecutor", "Tracing", "WebSocket",
            ]),
        .target(name: "Dashboard", dependencies: ["CWebPage", "HTTPCore", "HTTPServer"]),
        .target(
            name: "Importer",
            dependencies: ["BridgeCore", "Crypto", "JSON", "Journal", "Postgres", "SQLite", "ThreadExecutor"]),
        .target(
            name: "BridgeTesting",
            dependencies: ["BridgeCore", "EventLoop", "HTTPClient", "HTTPCore", "HTTPServer", "JSON", "WebSocket"]),
        .executableTarget(
            name: "chatbridge",
            dependencies: [
                "Agents", "Bridge", "BridgeCore", "BridgeTesting", "Crypto", "Dashboard", "EventLoop", "HTTPClient",
                "HTTPCore",
                "HTTPServer", "Importer", "Inbox", "JSON", "Journal", "ObjectStorage", "Postgres", "ProcessMemory",
                "Redis", "Retention", "SQLite",
                "Telemetry", "Tracing",
            ]),

        // What the adapters of Meta's platforms share.
        .target(
            name: "MetaGraph", dependencies: ["BridgeCore", "Crypto", "HTTPCore", "JSON"], path: "Adapters/Meta/Sources"
        ),

        // Measured by hand and never shipped: Benchmarks/README.md.
        .executableTarget(
            name: "InboxBenchmark", dependencies: ["BridgeCore", "EventLoop", "Inbox", "Redis"],
            path: "Benchmarks/inbox"),
        .executableTarget(
            name: "MicroBenchmark",
            dependencies: [
                "Agents", "BridgeCore", "Crypto", "HTTPCore", "HTTPServer", "Journal", "Postgres", "Redis",
                "SlackAdapter", "TelegramAdapter",
            ],
            path: "Benchmarks/micro", exclude: ["instructions.txt"]),

        .target(
            name: "TestSupport", dependencies: ["CThreadSanitizer", "EventLoop", "HTTPCore", "HTTPServer"],
            path: "Tests/TestSupport"),
        .target(name: "CThreadSanitizer", path: "Tests/CThreadSanitizer"),
        .testTarget(name: "EventLoopTests", dependencies: ["EventLoop"]),
        .testTarget(name: "HTTPServerTests", dependencies: ["EventLoop", "HTTPCore", "HTTPServer"]),
        .testTarget(
            name: "HTTPClientTests", dependencies: ["EventLoop", "HTTPClient", "HTTPCore", "HTTPServer", "TestSupport"]),
        .testTarget(
            name: "WebSocketTests",
            dependencies: ["Crypto", "EventLoop", "HTTPClient", "HTTPCore", "HTTPServer", "TestSupport", "WebSocket"]),
        .testTarget(name: "RedisTests", dependencies: ["EventLoop", "Redis", "TestSupport"]),
        .testTarget(name: "ThreadExecutorTests", dependencies: ["TestSupport", "ThreadExecutor"]),
        .testTarget(name: "ProcessMemoryTests", dependencies: ["ProcessMemory"]),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres"]),
        .testTarget(name: "SQLiteTests", dependencies: ["SQLite"]),
        .testTarget(name: "CryptoTests", dependencies: ["Crypto", "JSON"]),
        .testTarget(name: "JSONTests", dependencies: ["JSON"]),
        .testTarget(name: "MarkdownTests", dependencies: ["Markdown"]),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry"]),
        .testTarget(
            name: "TracingTests",
            dependencies: [
                "BridgeCore", "EventLoop", "HTTPClient", "HTTPCore", "HTTPServer", "JSON", "Telemetry", "TestSupport",
                "Tracing",
            ]),
        .testTarget(
            name: "BridgeCoreTests",
            dependencies: ["BridgeCore", "BridgeTesting", "Crypto", "HTTPCore", "JSON", "Markdown"]),
        .testTarget(name: "AgentsTests", dependencies: ["Agents", "BridgeCore", "HTTPCore", "JSON"]),
        .testTarget(
            name: "JournalTests",
            dependencies: [
                "BridgeCore", "EventLoop", "JSON", "Journal", "Postgres", "Redis", "SQLite", "Telemetry", "TestSupport",
                "Tracing",
            ]),
        .testTarget(
            name: "InboxTests",
            dependencies: [
                "BridgeCore", "Crypto", "EventLoop", "Inbox", "JSON", "Journal", "Redis", "SQLite", "Telemetry",
                "TestSupport",
            ]),
        .testTarget(
            name: "RetentionTests",
            dependencies: [
                "BridgeCore", "Crypto", "EventLoop", "Inbox", "JSON", "Journal", "Postgres", "Redis", "Retention",
                "SQLite", "TestSupport",
            ]),
        // Optimised also in a debug build: it looks at a great many states.
        .testTarget(
            name: "ModelTests", dependencies: ["EventLoop", "Inbox", "Redis", "TestSupport"],
            swiftSettings: [.unsafeFlags(["-O"])]),
        .testTarget(
            name: "BridgeTests",
            dependencies: [
                "Agents", "Bridge", "BridgeCore", "BridgeTesting", "Crypto", "EventLoop", "HTTPClient", "HTTPCore",
                "HTTPServer", "Inbox",
                "JSON", "Journal", "ObjectStorage", "Telemetry", "TestSupport", "Tracing", "WebSocket",
            ]),
        .testTarget(
            name: "ObjectStorageTests",
            dependencies: [
                "BridgeCore", "Crypto", "EventLoop", "HTTPClient", "HTTPCore", "HTTPServer", "ObjectStorage",
                "TestSupport",
            ]),
        .testTarget(
            name: "ImporterTests",
            dependencies: [
                "BridgeCore", "Crypto", "Importer", "JSON", "Journal", "Postgres", "SQLite", "TestSupport",
            ]),
        .testTarget(name: "DashboardTests", dependencies: ["Dashboard", "HTTPCore", "HTTPServer"]),
        .testTarget(
            name: "ChatbridgeTests",
            dependencies: [
                "chatbridge", "Agents", "Bridge", "BridgeCore", "EventLoop", "HTTPClient", "HTTPCore", "JSON",
                "Journal",
                "ObjectStorage", "TestSupport", "Tracing",
            ]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "BridgeCore", "BridgeTesting", "Crypto", "EventLoop", "HTTPClient", "HTTPCore", "HTTPServer", "JSON",
                "Journal",
                "Postgres", "Redis", "SQLite", "TestSupport", "WebSocket",
            ]),
    ],
    cxxLanguageStandard: .cxx17
)

// Adapters: a folder each in `Adapters/`, with the pure modules that it uses besides BridgeCore, HTTPCore and JSON.
let adapters: KeyValuePairs<String, [Target.Dependency]> = [
    "Telegram": ["Crypto", "Markdown"],
    "Slack": ["Crypto", "Markdown"],
    "Line": ["Crypto", "Markdown"],
    "Viber": ["Crypto", "Markdown"],
    "Discord": ["Crypto", "Markdown"],
    "Mattermost": ["Crypto", "Markdown"],
    "RocketChat": ["Crypto", "Markdown"],
    "Matrix": ["Crypto", "Markdown"],
    "Zalo": ["Crypto", "Markdown"],
    "ZaloBot": ["Crypto", "Markdown"],
    "GitHub": ["Crypto"],
    "Webhook": ["Crypto"],
    "Web": [],
    "MSTeams": ["Crypto", "Markdown"],
    "WhatsApp": ["Crypto", "Markdown", "MetaGraph"],
    "GoogleChat": ["Crypto", "Markdown"],
    "Feishu": ["Crypto", "Markdown"],
    "Messenger": ["Markdown", "MetaGraph"],
    "Instagram": ["Markdown", "MetaGraph"],
    "Twilio": ["Crypto", "Markdown"],
]
for (name, modules) in adapters {
    let common: [Target.Dependency] = ["BridgeCore", "HTTPCore", "JSON"]
    package.targets += [
        .target(name: "\(name)Adapter", dependencies: common + modules, path: "Adapters/\(name)/Sources"),
        .testTarget(
            name: "\(name)AdapterTests",
            dependencies: [.byName(name: "\(name)Adapter"), "BridgeTesting", "Crypto"] + common,
            path: "Adapters/\(name)/Tests"),
    ]
}
let program = package.targets.first { $0.name == "chatbridge" }
program?.dependencies += adapters.map { .byName(name: "\($0.key)Adapter") }

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // Debug builds, and with them all tests, check at run time that nothing is changed while it is read, and that closures of
    // an actor run on it; it costs 3 % of a message.
    .unsafeFlags(
        ["-enforce-exclusivity=unchecked", "-Xfrontend", "-disable-dynamic-actor-isolation"],
        .when(configuration: .release)),
]
let withoutSwift = ["CSimdJSON", "CWebPage", "CMigrations", "CThreadSanitizer"]
for target in package.targets where target.type != .system && !withoutSwift.contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + swiftSettings
}

// `CHATBRIDGE_FAILPOINTS=1` is for `scripts/chaos`, in a folder of its own: the program can be told where to die.
if Context.environment["CHATBRIDGE_FAILPOINTS"] == "1" {
    package.targets.first { $0.name == "Failpoints" }?.swiftSettings?.append(.define("CHATBRIDGE_FAILPOINTS"))
}

// `CHATBRIDGE_TARGETS=A,B` leaves out what these targets do not need, so that the tests of one adapter build in seconds
// (`scripts/test --only A,B` sets it).
if let names = Context.environment["CHATBRIDGE_TARGETS"], !names.isEmpty {
    var needed: Set<String> = []
    var open = names.split(separator: ",").map(String.init)
    while let name = open.popLast() {
        guard needed.insert(name).inserted, let target = package.targets.first(where: { $0.name == name }) else {
            continue
        }
        for case .byNameItem(let dependency, _) in target.dependencies { open.append(dependency) }
    }
    package.targets.removeAll { !needed.contains($0.name) }
    package.products = []
}
