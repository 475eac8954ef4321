internal import JSON

/// A key that everybody knows: it signs in the place of a platform's own, in simulations and for fakes of platforms.
///
/// Only the keys that are published at a configured address are trusted; this one is published by `chatbridge fake` alone. So
/// whoever lets a bridge trust a fake lets everybody in, which is what a fake is for.
public enum SimulationKey {
    /// The name under which it is published (`kid`).
    public static let id = "chatbridge-simulation"

    /// The key, RSA with 2,048 bits.
    public static let key: RSAPrivateKey = {
        guard let key = RSAPrivateKey(pem: pem) else { preconditionFailure("the simulation key cannot be read") }
        return key
    }()

    /// The key set in which a fake publishes it (RFC 7517, section 5), with the endorsements that Teams' keys have.
    public static func keySet(endorsements: [String] = []) -> [UInt8] {
        guard let numbers = key.publicNumbers else { preconditionFailure("the simulation key has no numbers") }
        var writer = JSONWriter()
        writer.object { set in
            set.arrayField("keys") { keys in
                keys.object { json in
                    json.field("kty", "RSA")
                    json.field("use", "sig")
                    json.field("alg", SignatureAlgorithm.rs256.rawValue)
                    json.field("kid", id)
                    json.field("n", Base64.encode(numbers.modulus, alphabet: .urlSafe))
                    json.field("e", Base64.encode(numbers.exponent, alphabet: .urlSafe))
                    if !endorsements.isEmpty {
                        json.arrayField("endorsements") { list in endorsements.forEach { list.value($0) } }
                    }
                }
            }
        }
        return writer.bytes
    }

    /// The key in PEM (PKCS#8).
    public static let pem = "-----BEGIN PRIVATE KEY-----\n" + numbers + "\n-----END PRIVATE KEY-----\n"

    private static let numbers = """
        MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQChYickOKHOWtXg
        UWPuUQj6dH0y2Vxy836L3ANoC8EvvXUawGHfZSZsDbJdvj/LfDKIT5AbbsMlfeV9
        yOoHtpS7/McIS7EBJdeXOfANtQ/OwYNDyPSDzfort8U1pz/o54yV/bNPE3PmLdS9
        1WSVQbxh2etiN5zWaubSVleeOnzyIjPeb1FbCwBPR1W9odQvdHe+Ez9lSyWyyeVM
        +2QRVd6EDIIkM7ziExZxCDgZyjRRLXk9ZD/m1DwidNdBj3xjPfK7SpjU6WhdpC/o
        WTYqrjhQMBONaQTMWMteBN1uRy0yZe2nnXb0jc7zVzklz/4GAcM/yAHRHODIIjfT
        s4JObVzdAgMBAAECggEAQENmlLzcaeCwBChE49Ru/9S9Oi9l6fxeKvFMhfUQU6Nc
        628qShvsReDaYwvsOWpWcQNFvjbIDLjqVsFXuASTi5wn4XzKmktoYzbWCY9NISbb
        z3VJMOcntJr0M95Ky8LQr7Wb3mQ/pawgaAt+hxTrIAf3/F9q29Mr4RwyvbZKpNwp
        ranuCVhkrVXxJCPbGO6bkpqpg+IgaQtxElzCv/e7dh1j7QSw6pSMClaAQDndQskf
        SHGk4CPeC6oaydODxciNsIUVPjKQxSBIAOu9Njg9b9Y5nlmlH6perEPr5uvijwIl
        3GsftJCed2TE1P3mG2MnYdxfsDAJLWeO1pH66v3d3QKBgQDWwk74yJ/fiNXC5dtW
        QQk8v7djqkaYdi2UG+hZfxPiPxe0+JzifPMxyGyjbzEWok0tC2fj/cwrcJKsXiJu
        mxU7LQk8W8pZhNrAY32tk1DwVa1sNniBeQmq5vHaU3YMNWypqHa3JCRc1r+vcymr
        njOoOYSpdp7NsTupZoVon4YtlwKBgQDAX918qx1eEWR0G9WHE27ncYpTNKFfzBYu
        HVlYZKiAOqDUzFAT6mSGSrSR2AtuhvANFbchPc7nMfmlrN9ANbqFiTmpvYFwODGw
        uJsBR1VlzIHBrDEYLrHqYPoxOxeqKABUbBEoP+x7Q42eQtLJo0mmPdYrT/MtbwC5
        0pzYbil/qwKBgCkSpHPkOt9PlkJeH6LRcWjS6cn/6NyDzZfD9p4XNcBRfME5wxd1
        +jUNNenT/Dlt9QCma8oo4gF02DhrEH7C3j6hEGEg1QRl6khdPs4RnKs6V56YlFd+
        xKCQ5rRwveT72rpf48SG/wVadPKjPdb6vLpxtbOLYjfIq7ZsSxuFVu4lAoGAc5yp
        ZXUIzzGwpz7bErSRIDLSKLMmkIX8hnZI7aCAy59wbLLlJTLmevaGkme+ZwxdU9/L
        EQUuRS95kyHTgalIkVwo9WPYWHLNGiG3tgsCvY0sJhKv5pKZhfwGIHQdArvLhvDz
        VrckDehJQeVy/I9PgcMD5T/FK3bcftCeRkveUMUCgYBHG2CTW8xfsNtkwcxtFL5z
        7MK1d9jasU/zpfDkXiy7fTwF73J4G1zK6J+Rbmid9sBv7MWK4DMjGy3bd3Q/+iLb
        2wStp6nG7BsUcVJGumpNmlJ8P1D8kc+pWpCJcJs4/5pqq0CygO2RBi8cwiF7W05z
        oPhnjkqFK+GNhcMqSQkdPg==
        """
}
