public import BridgeCore
internal import HTTPCore
internal import JSON

extension MatrixAdapter: Faking {
    /// Answers as a homeserver that knows the registration: messages, edits, typing, joins, uploads, `whoami`, `versions`.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        let path = request.path.split(separator: "/").map { HTTPPercentEncoding.decode($0.utf8) }
        guard path.first == "_matrix" else { return nil }
        if request.method == .get, path == ["_matrix", "client", "versions"] {
            return FakeAnswer([.other("versions")], .matrix(#"{"versions":["v1.10","v1.11","v1.12"]}"#))
        }
        guard request.headers["Authorization"] == authorization else {
            return FakeAnswer(
                [.refused("the token is wrong")],
                .matrix(
                    #"{"errcode":"M_UNKNOWN_TOKEN","error":"Unrecognised access token.","soft_logout":false}"#,
                    status: 401))
        }
        switch (request.method, path.dropFirst().first, path.dropFirst(2).first) {
        case (.post, "media", "v3") where path.last == "upload":
            return FakeAnswer(
                [.other("upload")], .matrix(#"{"content_uri":"mxc://fake.invalid/media\#(number)"}"#))
        case (_, "client", "v3"):
            return clientAnswer(Array(path.dropFirst(3)), request, number: number)
        default:
            return nil
        }
    }

    private func clientAnswer(_ path: [String], _ request: FakeRequest, number: Int64) -> FakeAnswer? {
        if request.method == .get, path == ["account", "whoami"] {
            var writer = JSONWriter()
            writer.object { $0.field("user_id", configuration.userID) }
            return FakeAnswer([.other("whoami")], OutboundResponse(matrix: writer.bytes))
        }
        if request.method == .post, path.count == 2, path[0] == "join" {
            var writer = JSONWriter()
            writer.object { $0.field("room_id", path[1]) }
            return FakeAnswer([.other("join")], OutboundResponse(matrix: writer.bytes))
        }
        if request.method == .get, path.count == 3, path[0] == "rooms", path[2] == "messages" {
            // It keeps nothing, so nothing is there.
            return FakeAnswer([.other("messages")], .matrix(#"{"chunk":[],"start":"t1"}"#))
        }
        guard request.method == .put, path.count >= 4, path[0] == "rooms" else { return nil }
        let room = path[1]
        guard let content = try? JSONView(parsing: request.body), content.kind == .object else {
            return FakeAnswer(
                [.refused("the body is no JSON object")],
                .matrix(#"{"errcode":"M_NOT_JSON","error":"Content not JSON."}"#, status: 400))
        }
        if path[2] == "typing" { return FakeAnswer([.typing(conversation: room)], .matrix("{}")) }
        guard path.count == 5, path[2] == "send" else { return nil }
        // The size limit of the specification, less what the server adds.
        guard request.body.count <= 65_000 else {
            return FakeAnswer(
                [.refused("the event is too large")],
                .matrix(#"{"errcode":"M_TOO_LARGE","error":"event too large"}"#, status: 413))
        }
        let id = "$fake\(number)"
        return FakeAnswer([action(of: content, room: room, id: id)], .matrix(#"{"event_id":"\#(id)"}"#))
    }

    private func action(of content: JSONView, room: String, id: String) -> FakeAnswer.Action {
        let relation = content["m.relates_to"]
        if relation["rel_type"].string == "m.replace" {
            let text = content["m.new_content"]
            return .edit(
                conversation: room, id: relation["event_id"].string ?? "",
                text: text["formatted_body"].string ?? text["body"].string ?? "")
        }
        switch content["msgtype"].string {
        case "m.image": return .attachment(conversation: room, id: id, kind: "image")
        case "m.audio": return .attachment(conversation: room, id: id, kind: "audio")
        case "m.video": return .attachment(conversation: room, id: id, kind: "video")
        case "m.file": return .attachment(conversation: room, id: id, kind: "file")
        default:
            return .message(
                conversation: room, id: id, text: content["formatted_body"].string ?? content["body"].string ?? "")
        }
    }

    /// Synapse's words for each fault.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            let milliseconds = Int64((delay / .milliseconds(1)).rounded(.up))
            return OutboundResponse(
                status: .tooManyRequests,
                headers: ["Content-Type": "application/json", "Retry-After": String((milliseconds + 999) / 1000)],
                body: Array(
                    #"{"errcode":"M_LIMIT_EXCEEDED","error":"Too Many Requests","retry_after_ms":\#(milliseconds)}"#
                        .utf8))
        case .serverError:
            return .matrix(#"{"errcode":"M_UNKNOWN","error":"Internal server error"}"#, status: 500)
        case .unauthorized:
            return .matrix(#"{"errcode":"M_UNKNOWN_TOKEN","error":"Unrecognised access token."}"#, status: 401)
        case .blocked:
            return .matrix(#"{"errcode":"M_FORBIDDEN","error":"User not in room"}"#, status: 403)
        case .gone, .formattingRefused:
            return .matrix(#"{"errcode":"M_NOT_FOUND","error":"Unknown room"}"#, status: 404)
        }
    }
}

extension OutboundResponse {
    fileprivate init(matrix body: [UInt8], status: Int = 200) {
        self.init(status: HTTPStatus(status), headers: ["Content-Type": "application/json"], body: body)
    }

    fileprivate static func matrix(_ body: String, status: Int = 200) -> OutboundResponse {
        OutboundResponse(matrix: Array(body.utf8), status: status)
    }
}
