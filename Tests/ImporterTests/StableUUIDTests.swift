import BridgeCore
import Testing

@testable import Importer

struct StableUUIDTests {
    @Test func `the example of RFC 9562, appendix A.4`() {
        let dns = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")!
        #expect(
            StableUUID.version5(dns.bytes + Array("www.example.com".utf8)).description
                == "2ed6657d-e927-568b-95e1-2665a8aea6a2")
    }

    @Test(arguments: [
        (StableUUID.Kind.session, "", "thread-1", "3b2dbfb1-cf3d-52c1-bc55-0df142fe679d"),
        (.message, "", "thread-1", "23678bad-c573-5dfa-8d8d-f1bb7777e973"),
        (.session, "oldbot", "1", "b0ad6a2e-6c47-5f83-b670-db5cdbe60e8e"),
        (.message, "", "Größe", "23693356-9148-5291-88a5-3f073ca22d5e"),
    ])
    func `ids are the same for good`(kind: StableUUID.Kind, store: String, key: String, id: String) {
        let (made, isDerived) = StableUUID(kind, store: store).id(key)
        #expect(made.description == id)
        #expect(isDerived)
    }

    @Test(arguments: [
        "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000", "0199AAAA-BBBB-7CCC-8DDD-EEEEFFFF0000",
        "0199aaaabbbb7ccc8dddeeeeffff0000",
    ])
    func `a UUID stays what it is`(text: String) {
        let (id, isDerived) = StableUUID(.message, store: "x").id(text)
        #expect(id.description == "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000")
        #expect(!isDerived)
    }
}
