/// Everything that is fuzzed.
let fuzzTargets: [FuzzTarget] =
    [
        FuzzTarget(name: "HTTPCodec", weight: 3, run: fuzzHTTPCodec),
        FuzzTarget(name: "WebSocketCodec", weight: 2, run: fuzzWebSocketCodec),
        FuzzTarget(
            name: "JSON", isStructured: true, weight: 2, fixtures: ["telegram", "slack", "whatsapp"], run: fuzzJSON),
        FuzzTarget(name: "LogJob", isStructured: true, run: fuzzLogJob),
        FuzzTarget(name: "Spool", weight: 2, run: fuzzSpool),
        FuzzTarget(name: "Text", weight: 3, run: fuzzText),
        FuzzTarget(name: "Token", run: fuzzToken),
    ] + agentTargets + receiveTargets + gatewayTargets
