import Crypto
import JSON
import Testing

struct JSONWebKeySetTests {
    typealias A2 = PublicKeyTests.A2

    static let n = Base64.encode(A2.modulus, alphabet: .urlSafe)
    static let rsa = #"{"kty":"RSA","kid":"a2","n":"\#(n)","e":"AQAB"}"#

    static func set(_ keys: String...) -> JSONWebKeySet? {
        JSONWebKeySet(parsing: Array(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8))
    }

    /// RFC 7517, appendix A.1: an elliptic key for encryption and an RSA key.
    @Test func `of the published set the key that signs is taken`() throws {
        let set = try #require(
            Self.set(
                #"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}"#,
                #"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#
            ))
        #expect(set.keys.map(\.id) == ["2011-04-29"])
        #expect(set["2011-04-29"]?.key.algorithm == .rs256)
        #expect(set["1"] == nil)
    }

    @Test(arguments: [
        "null", "17", "[]", "{}", #"{"kty":"oct","kid":"x","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}"#,
        #"{"kty":"RSA","kid":"x","n":"\#(n)"}"#, #"{"kty":"RSA","kid":"x","n":"!","e":"AQAB"}"#,
        #"{"kty":"RSA","kid":"x","n":17,"e":"AQAB"}"#, #"{"kty":"RSA","n":"\#(n)","e":"AQAB"}"#,
        #"{"kty":"RSA","kid":"","n":"\#(n)","e":"AQAB"}"#,
        #"{"kty":"RSA","kid":"x","use":"enc","n":"\#(n)","e":"AQAB"}"#,
        #"{"kty":"RSA","kid":"x","alg":"HS256","n":"\#(n)","e":"AQAB"}"#,
        #"{"kty":"RSA","kid":"x","alg":"RS512","n":"\#(n)","e":"AQAB"}"#,
        #"{"kty":"EC","kid":"x","crv":"P-384","x":"AA","y":"AA"}"#,
        #"{"kty":"EC","kid":"x","crv":"P-256","x":"AA","y":"AA"}"#,
        #"{"kty":"new","kid":"x"}"#,
    ])
    func `a key that is not understood costs no other`(odd: String) throws {
        let set = try #require(Self.set(odd, Self.rsa, odd))
        #expect(set.keys.map(\.id) == ["a2"])
        #expect(Self.set(odd) == nil)
    }

    @Test func `the key of a set verifies`() throws {
        let key = try #require(Self.set(Self.rsa)?["a2"])
        #expect(key.key.isValid(signature: A2.signature, message: A2.message))
        #expect(key.endorsements == nil)
    }

    @Test func `endorsements are kept, also when there are none`() throws {
        let set = try #require(JSONWebKeySet(parsing: SimulationKey.keySet(endorsements: ["msteams", "skype"])))
        #expect(set[SimulationKey.id]?.endorsements == ["msteams", "skype"])
        let none = Self.rsa.replacing("}", with: #","endorsements":[]}"#)
        #expect(Self.set(none)?["a2"]?.endorsements == [])
    }

    @Test func `certificates under their names are a set too`() throws {
        var writer = JSONWriter()
        writer.object { json in
            json.field("one", PublicKeyTests.Other.certificate)
            json.field("two", "-----BEGIN CERTIFICATE-----")
        }
        let set = try #require(JSONWebKeySet(parsing: writer.bytes))
        #expect(set.keys.map(\.id) == ["one"])
    }

    @Test(arguments: ["", "{", "[]", "null", "<html>", #"{"keys":{}}"#, #"{"keys":[]}"#, "{}"])
    func `what is no set is none`(text: String) {
        #expect(JSONWebKeySet(parsing: Array(text.utf8)) == nil)
    }
}
