import Crypto
import JSON
import Testing

struct JSONWebTokenTests {
    static let keys = JSONWebKeySet(parsing: SimulationKey.keySet())
    static let claims = #"{"iss":"somebody","aud":"us","iat":1000,"nbf":1000,"exp":2000,"email_verified":true}"#

    static func encoded(_ text: String) -> String { Base64.encode(Array(text.utf8), alphabet: .urlSafe) }

    static func token(_ claims: String = claims, keyID: String? = SimulationKey.id) throws -> String {
        try #require(JSONWebToken.signed(claims: Array(claims.utf8), by: SimulationKey.key, keyID: keyID))
    }

    /// A token with a header of our choice, rightly signed all the same.
    static func token(header: String, claims: String = claims) throws -> String {
        let message = encoded(header) + "." + encoded(claims)
        let signature = try #require(SimulationKey.key.signature(for: Array(message.utf8)))
        return message + "." + Base64.encode(signature, alphabet: .urlSafe)
    }

    static func verify(_ text: String) throws -> JSONWebClaims {
        try JSONWebToken(text).claims(verifiedBy: try #require(keys))
    }

    @Test func `a signed token tells its claims`() throws {
        let claims = try Self.verify(try Self.token())
        #expect(claims.issuer == "somebody")
        #expect(claims.isFor("us"))
        #expect(!claims.isFor("them"))
        #expect(claims.json["email_verified"].bool == true)
        #expect(claims["exp"] == nil)
    }

    @Test(arguments: [
        (#""us""#, true), (#"["them","us"]"#, true), (#"["them"]"#, false), ("17", false), ("null", false),
        (#"{"us":"us"}"#, false), (#"[["us"]]"#, false), (#""us ""#, false),
    ])
    func `an audience is one string or a list`(audience: String, isOurs: Bool) throws {
        #expect(try Self.verify(try Self.token(#"{"aud":\#(audience)}"#)).isFor("us") == isOurs)
    }

    @Test(arguments: [
        #"{"alg":"none"}"#, #"{"alg":"None","kid":"chatbridge-simulation"}"#,
        #"{"alg":"HS256","kid":"chatbridge-simulation"}"#, #"{"alg":"ES256","kid":"chatbridge-simulation"}"#,
        #"{"alg":"RS512","kid":"chatbridge-simulation"}"#, #"{"alg":"rs256","kid":"chatbridge-simulation"}"#,
        #"{"alg":"","kid":"chatbridge-simulation"}"#,
        #"{"alg":"RS256","kid":"chatbridge-simulation","crit":["exp"]}"#,
        #"{"alg":"RS256","kid":"chatbridge-simulation","crit":[]}"#,
    ])
    func `a header that asks for another algorithm or an extension is refused`(header: String) throws {
        #expect(throws: JSONWebTokenError.algorithm) { try Self.verify(try Self.token(header: header)) }
    }

    @Test func `an algorithm that the caller does not accept is refused`() throws {
        let token = try JSONWebToken(try Self.token())
        let keys = try #require(Self.keys)
        #expect(throws: JSONWebTokenError.algorithm) { try token.claims(verifiedBy: keys, accepting: [.es256]) }
        #expect(throws: JSONWebTokenError.algorithm) { try token.claims(verifiedBy: keys, accepting: []) }
    }

    @Test func `an unsigned token and one signed with the public key as secret are refused`() throws {
        let unsigned = Self.encoded(#"{"alg":"none"}"#) + "." + Self.encoded(Self.claims) + "."
        #expect(throws: JSONWebTokenError.algorithm) { try Self.verify(unsigned) }
        let message = Self.encoded(#"{"alg":"HS256","kid":"chatbridge-simulation"}"#) + "." + Self.encoded(Self.claims)
        let code = HMACSHA256.authenticationCode(for: Array(message.utf8), key: SimulationKey.keySet())
        let confused = message + "." + Base64.encode(code, alphabet: .urlSafe)
        #expect(throws: JSONWebTokenError.algorithm) { try Self.verify(confused) }
    }

    @Test func `a token of a key that is not published is refused as such`() throws {
        #expect(throws: JSONWebTokenError.unknownKey) { try Self.verify(try Self.token(keyID: "another")) }
        #expect(throws: JSONWebTokenError.unknownKey) { try Self.verify(try Self.token(keyID: nil)) }
        let kidOfOtherType = try Self.token(header: #"{"alg":"RS256","kid":["chatbridge-simulation"]}"#)
        #expect(throws: JSONWebTokenError.unknownKey) { try Self.verify(kidOfOtherType) }
    }

    @Test func `an issuer with one key need not name it`() throws {
        let numbers = try #require(SimulationKey.key.publicNumbers)
        let key = try #require(PublicKey.rsa(modulus: numbers.modulus, exponent: numbers.exponent))
        for name in [nil, "another", SimulationKey.id] {
            #expect(try JSONWebToken(try Self.token(keyID: name)).claims(verifiedBy: key).issuer == "somebody")
        }
        let other = try #require(PublicKeyTests.rsa)
        #expect(throws: JSONWebTokenError.signature) { try JSONWebToken(try Self.token()).claims(verifiedBy: other) }
        let elliptic = try #require(PublicKeyTests.p256)
        #expect(throws: JSONWebTokenError.algorithm) { try JSONWebToken(try Self.token()).claims(verifiedBy: elliptic) }
    }

    @Test func `any change of a part is found`() throws {
        let text = try Self.token()
        let parts = text.split(separator: ".").map(String.init)
        let other = Self.encoded(Self.claims.replacing("somebody", with: "anybody"))
        #expect(throws: JSONWebTokenError.signature) { try Self.verify("\(parts[0]).\(other).\(parts[2])") }
        let header = Self.encoded(#"{"alg":"RS256","kid":"chatbridge-simulation"}"#)
        #expect(throws: JSONWebTokenError.signature) { try Self.verify("\(header).\(parts[1]).\(parts[2])") }
        let bytes = Array(text.utf8)
        for place in stride(from: 0, to: bytes.count, by: 7) where bytes[place] != UInt8(ascii: ".") {
            var changed = bytes
            changed[place] = bytes[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(throws: JSONWebTokenError.self) { try Self.verify(String(decoding: changed, as: UTF8.self)) }
        }
    }

    @Test(arguments: [
        "", ".", "..", "...", "a.b", "a.b.c", "e30.e30", "e30.e30.e30.e30", "e30.e30.e30", "W10.e30.AA",
        "eyJhbGciOjF9.e30.AA",
        " e30.e30.AA", "e30=.e30.AA", "é.é.é",
    ])
    func `what is no token is refused as such`(text: String) {
        #expect(throws: JSONWebTokenError.malformed) { try JSONWebToken(text) }
    }

    @Test func `padding, line ends and excess length are refused`() throws {
        let text = try Self.token()
        for odd in [text + "=", text + "\n", " " + text, text + String(repeating: "A", count: 20_000)] {
            #expect(throws: JSONWebTokenError.malformed) { try JSONWebToken(odd) }
        }
    }

    @Test(
        arguments: [
            (1000, nil), (1999, nil), (2000 + 299, nil), (2000 + 300, .expired), (9999, .expired), (1000 - 300, nil),
            (1000 - 301, .notYetValid), (0, .notYetValid),
        ] as [(Int64, JSONWebTokenError?)])
    func `times are checked with the leeway that is asked for`(now: Int64, expected: JSONWebTokenError?) throws {
        let claims = try Self.verify(try Self.token())
        do {
            try claims.checkTimes(now: now, leeway: 300)
            #expect(expected == nil)
        } catch {
            #expect(error == expected)
        }
    }

    @Test(
        arguments: [
            (#"{}"#, .expired), (#"{"exp":"2000"}"#, .expired), (#"{"exp":null}"#, .expired), (#"{"exp":2000.5}"#, nil),
            (#"{"exp":1e400}"#, nil), (#"{"exp":2000,"nbf":"1"}"#, .notYetValid),
            (#"{"exp":2000,"iat":null}"#, .notYetValid),
            (#"{"exp":2000,"iat":1600}"#, .notYetValid), (#"{"exp":-1e400}"#, .expired),
        ] as [(String, JSONWebTokenError?)])
    func `odd times are no times`(text: String, expected: JSONWebTokenError?) throws {
        let claims = try Self.verify(try Self.token(text))
        do {
            try claims.checkTimes(now: 1500, leeway: 0)
            #expect(expected == nil)
        } catch {
            #expect(error == expected)
        }
    }
}
