internal import CCurl
internal import HTTPCore

/// The header lines of one request in the linked form that curl reads, in two blocks that are used again by the next one.
///
/// `curl_slist_append` would allocate twice a line. curl does not copy the list: it stays as it is while a transfer runs.
final class HeaderList {
    private var text: UnsafeMutableBufferPointer<CChar>
    private var nodes: UnsafeMutableBufferPointer<curl_slist>

    init() {
        text = .allocate(capacity: 256)
        nodes = .allocate(capacity: 8)
    }

    deinit {
        text.deallocate()
        nodes.deallocate()
    }

    /// Writes these fields, and lines that turn off what curl would add by itself.
    ///
    /// - Parameters:
    ///   - contentSize: nil for a request without content.
    ///   - isSigned: true where curl signs the fields: it would sign also those that it only shall leave out.
    /// - Returns: the list's head, or nil when a field holds bytes that HTTP forbids; of no fields there is no list.
    func write(
        _ headers: HTTPFields, contentSize: Int?, isSigned: Bool = false
    ) -> UnsafeMutablePointer<curl_slist>? {
        let hasBody = contentSize != nil
        var size = 64
        var hasContentType = false
        for field in headers.fields {
            size += field.name.utf8.count + field.value.utf8.count + 3
            if hasBody, HTTPFields.isSameName(field.name, "content-type") { hasContentType = true }
        }
        reserve(bytes: size, lines: headers.fields.count + 3)

        var line = 0
        var end = 0
        func put(_ byte: UInt8) {
            text[end] = CChar(bitPattern: byte)
            end += 1
        }
        func begin() {
            nodes.initializeElement(at: line, to: curl_slist(data: text.baseAddress.map { $0 + end }, next: nil))
            line += 1
        }
        func add(_ whole: StaticString) {
            begin()
            for index in 0..<whole.utf8CodeUnitCount { put(whole.utf8Start[index]) }
            put(0)
        }

        for field in headers.fields {
            guard !field.name.isEmpty else { return nil }
            begin()
            for byte in field.name.utf8 {
                // Of what a token excludes (RFC 9110, section 5.6.2) the bytes that would change the line's meaning.
                guard byte > 0x20, byte != 0x7F, byte != UInt8(ascii: ":"), byte != UInt8(ascii: ";") else {
                    return nil
                }
                put(byte)
            }
            if field.value.isEmpty {
                // curl's way to write a field without value; "name:" would mean to leave the field out.
                put(UInt8(ascii: ";"))
            } else {
                put(UInt8(ascii: ":"))
                put(UInt8(ascii: " "))
                for byte in field.value.utf8 {
                    guard byte >= 0x20 || byte == 0x09, byte != 0x7F else { return nil }
                    put(byte)
                }
            }
            put(0)
        }
        // A large body (curl's mark is 1 MiB) would wait a second for "100 Continue" from servers that do not know it.
        if let contentSize, contentSize >= 64 << 10, !isSigned { add("Expect:") }
        // curl calls every body a form unless told.
        if hasBody, !hasContentType, !isSigned { add("Content-Type:") }
        // Never met by a signed request, which has `x-amz-content-sha256` at least.
        if line == 0 { add("Expect:") }
        for index in 1..<max(line, 1) where index < line {
            nodes[index - 1].next = nodes.baseAddress.map { $0 + index }
        }
        return nodes.baseAddress
    }

    private func reserve(bytes: Int, lines: Int) {
        if text.count < bytes {
            text.deallocate()
            text = .allocate(capacity: bytes + bytes / 2)
        }
        if nodes.count < lines {
            nodes.deallocate()
            nodes = .allocate(capacity: lines * 2)
        }
    }
}
