internal import HTTPClient
internal import HTTPCore

/// What an S3 server has answered.
///
/// Its XML is read by looking for elements by their names: the few that are wanted hold text alone, and nothing in an answer is named
/// like them but they (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
struct S3Reply {
    let status: Int
    let body: [UInt8]
    let region: String?

    init(_ response: HTTPClientResponse) {
        status = response.status.code
        body = response.body
        region = response.header("x-amz-bucket-region")
    }

    /// The texts of all elements of that name, in their order.
    func texts(of element: String) -> [String] {
        let (open, close) = (Array("<\(element)>".utf8), Array("</\(element)>".utf8))
        var texts: [String] = []
        var rest = body[...]
        while let start = rest.place(of: open), let end = rest[start.upperBound...].place(of: close) {
            texts.append(S3Reply.unescaped(String(decoding: rest[start.upperBound..<end.lowerBound], as: UTF8.self)))
            rest = rest[end.upperBound...]
        }
        return texts
    }

    /// The error that the server tells of.
    var error: ObjectStoreError {
        let code = texts(of: "Code").first ?? ""
        let said = [code, texts(of: "Message").first ?? ""].filter { !$0.isEmpty }.joined(separator: ": ")
        let message = said.isEmpty ? "HTTP \(status)" : "HTTP \(status), \(said.prefix(300))"
        switch code {
        case "RequestTimeTooSkewed": return ObjectStoreError(.clock, message)
        case "NoSuchBucket": return ObjectStoreError(.noSuchBucket, message)
        case "NoSuchKey": return ObjectStoreError(.noSuchKey, message)
        case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect",
            "IllegalLocationConstraintException":
            return ObjectStoreError(.otherRegion(region ?? texts(of: "Region").first), message)
        case "SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "OperationAborted":
            return ObjectStoreError(.unavailable, message)
        default: break
        }
        switch status {
        case 301, 307: return ObjectStoreError(.otherRegion(region), message)
        case 401, 403: return ObjectStoreError(.denied, message)
        case 404: return ObjectStoreError(.noSuchKey, message)
        case 408, 429, 500...: return ObjectStoreError(.unavailable, message)
        default: return ObjectStoreError(.refused, message)
        }
    }

    /// The five entities of XML (section 4.6) and no others: servers write nothing else.
    private static func unescaped(_ text: String) -> String {
        guard text.contains("&") else { return text }
        var result = ""
        var rest = text[...]
        let entities = [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&"),
        ]
        while let character = rest.first {
            if character == "&", let (entity, meaning) = entities.first(where: { rest.hasPrefix($0.0) }) {
                result += meaning
                rest = rest.dropFirst(entity.count)
            } else {
                result.append(character)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}

extension ArraySlice<UInt8> {
    /// Where these bytes stand for the first time.
    fileprivate func place(of bytes: [UInt8]) -> Range<Int>? {
        guard let first = bytes.first else { return nil }
        var start = startIndex
        while let place = self[start...].firstIndex(of: first) {
            if self[place...].starts(with: bytes) { return place..<(place + bytes.count) }
            start = place + 1
        }
        return nil
    }
}
