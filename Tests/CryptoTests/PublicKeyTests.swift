import Crypto
import Testing

struct PublicKeyTests {
    static func bytes(_ text: String) -> [UInt8] { Base64.decode(text, alphabet: .urlSafe) ?? [] }

    /// RFC 7515, appendix A.2: key, message and signature.
    enum A2 {
        static let modulus = bytes(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
        )
        static let exponent = bytes("AQAB")
        static let message = Array(
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
                .utf8)
        static let signature = bytes(
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        )
    }

    /// RFC 7515, appendix A.3.
    enum A3 {
        static let x = bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")
        static let y = bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
        static let message = Array(
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
                .utf8)
        static let signature = bytes(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
    }

    /// A certificate of the simulation key, and that key's signature of "a message", both made by another library.
    enum Other {
        static let certificate = """
            -----BEGIN CERTIFICATE-----
            MIICrzCCAZegAwIBAgIBATANBgkqhkiG9w0BAQsFADAaMRgwFgYDVQQDDA9jaGF0
            YnJpZGdlIHRlc3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBox
            GDAWBgNVBAMMD2NoYXRicmlkZ2UgdGVzdDCCASIwDQYJKoZIhvcNAQEBBQADggEP
            ADCCAQoCggEBAKFiJyQ4oc5a1eBRY+5RCPp0fTLZXHLzfovcA2gLwS+9dRrAYd9l
            JmwNsl2+P8t8MohPkBtuwyV95X3I6ge2lLv8xwhLsQEl15c58A21D87Bg0PI9IPN
            +iu3xTWnP+jnjJX9s08Tc+Yt1L3VZJVBvGHZ62I3nNZq5tJWV546fPIiM95vUVsL
            AE9HVb2h1C90d74TP2VLJbLJ5Uz7ZBFV3oQMgiQzvOITFnEIOBnKNFEteT1kP+bU
            PCJ010GPfGM98rtKmNTpaF2kL+hZNiquOFAwE41pBMxYy14E3W5HLTJl7aeddvSN
            zvNXOSXP/gYBwz/IAdEc4MgiN9Ozgk5tXN0CAwEAATANBgkqhkiG9w0BAQsFAAOC
            AQEADBSBebKzPBxzE2I9H126MAOubSSNMIGn4NOuJTfrGFCCMVoaMZn7Sx6V92+d
            s0JajPxRk++9YH+Suh8iP7nR4LocU62tI9acVDLa15EkD2TmjFWnyyYAGH1LRi5m
            Sy89JF3Z0JShSc0X78ZxB4omrH5xiCTHRnsqLGNoRmSLkmcZbEV1+h5Zsyr+Zwc9
            kje986GbHGNPSBeU0ViKh/+C6UPNEYH60DsjqVr+049KZBhXAraFOojRxuE2fIRt
            OOc/c9fMRvUbn4lCGFvK3JSv7BY4tzu75M/sVerXVno/5C5VPZn5iYpPymhEjcF+
            lCrCejY7KxBIX/lVzl0/1B/02Q==
            -----END CERTIFICATE-----
            """
        static let signature =
            Base64.decode(
                "lQG2pM+PPTSNJvIRmlTzPcRYcWa6VtNmNuevP6b8yp3OHFEyCRuYia7IiIZbIti0xvom3YsylG8/xEgwOXqZkOdU0n2uvL35TWr13+60wdJ3Z4wM+5jx2OnTfNFbtoanU8y3l1jsfz7LH0u1A390DHz303YbLpjFvmTVlZmU+7aJogO+LynxGk5hntTBSFtjIEe+GL/jH2CHXDebOJXC+XeGnbE+xJcl/9nnMXtAATsZz2Ahfs3XC/qsdKxr1kAfZzTpSsfTGinHcUSqWoDQw08kGktcbj5xtxBSLaD2KyG7k1KhPsvDcMzRMwLSES8bq/wtwt6O6R57FzSa/lLyZA=="
            ) ?? []
    }

    static let rsa = PublicKey.rsa(modulus: A2.modulus, exponent: A2.exponent)
    static let p256 = PublicKey.p256(x: A3.x, y: A3.y)

    @Test func `the published RS256 signature is valid`() throws {
        let key = try #require(Self.rsa)
        #expect(key.algorithm == .rs256)
        #expect(key.isValid(signature: A2.signature, message: A2.message))
    }

    @Test func `the published ES256 signature is valid`() throws {
        let key = try #require(Self.p256)
        #expect(key.algorithm == .es256)
        #expect(key.isValid(signature: A3.signature, message: A3.message))
    }

    @Test(arguments: [(Self.rsa, A2.signature, A2.message), (Self.p256, A3.signature, A3.message)])
    func `any bit that changes spoils a signature`(key: PublicKey?, signature: [UInt8], message: [UInt8]) throws {
        let key = try #require(key)
        for place in signature.indices {
            var changed = signature
            changed[place] ^= 1
            #expect(!key.isValid(signature: changed, message: message))
        }
        var changed = message
        changed[changed.count / 2] ^= 1
        #expect(!key.isValid(signature: signature, message: changed))
        for odd in [[], Array(signature.dropLast()), signature + [0], [0] + signature, Array(signature.reversed())] {
            #expect(!key.isValid(signature: odd, message: message))
        }
        #expect(!key.isValid(signature: [UInt8](repeating: 0, count: signature.count), message: message))
    }

    @Test func `a signature by one kind of key is no signature by the other`() throws {
        #expect(try !#require(Self.p256).isValid(signature: A2.signature, message: A2.message))
        #expect(try !#require(Self.rsa).isValid(signature: A3.signature, message: A3.message))
    }

    @Test func `keys that are too small, too large or none are refused`() {
        let small = Array(A2.modulus.prefix(128))
        let large = [UInt8](repeating: 0xFF, count: 2048)
        let exponent: [UInt8] = [1, 0, 1]
        #expect(PublicKey.rsa(modulus: small, exponent: exponent) == nil)
        #expect(PublicKey.rsa(modulus: large, exponent: exponent) == nil)
        #expect(PublicKey.rsa(modulus: [], exponent: exponent) == nil)
        #expect(PublicKey.rsa(modulus: A2.modulus, exponent: []) == nil)
        #expect(PublicKey.rsa(modulus: A2.modulus, exponent: [1]) == nil)
        #expect(PublicKey.rsa(modulus: A2.modulus, exponent: [2]) == nil)
        #expect(PublicKey.rsa(modulus: [0, 0] + A2.modulus, exponent: [0, 1, 0, 1]) != nil)
    }

    @Test func `a point beside the curve is refused`() {
        var y = A3.y
        y[31] ^= 1
        #expect(PublicKey.p256(x: A3.x, y: y) == nil)
        #expect(PublicKey.p256(x: A3.x, y: Array(A3.y.dropLast())) == nil)
        #expect(PublicKey.p256(x: [UInt8](repeating: 0xFF, count: 32), y: A3.y) == nil)
    }

    @Test func `a certificate lends its key`() throws {
        let key = try #require(PublicKey.certificate(pem: Other.certificate))
        #expect(key.isValid(signature: Other.signature, message: Array("a message".utf8)))
        #expect(PublicKey.certificate(pem: "") == nil)
        #expect(PublicKey.certificate(pem: String(Other.certificate.dropLast(100))) == nil)
    }

    @Test func `RS256 has one signature for a message, and it is the other library's`() {
        #expect(SimulationKey.key.signature(for: Array("a message".utf8)) == Other.signature)
    }

    @Test func `what is no private key is refused`() {
        #expect(RSAPrivateKey(pem: "") == nil)
        #expect(RSAPrivateKey(pem: Other.certificate) == nil)
        // An elliptic key, RFC 8410's example of another kind.
        let ed25519 =
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n"
        #expect(RSAPrivateKey(pem: ed25519) == nil)
    }
}
