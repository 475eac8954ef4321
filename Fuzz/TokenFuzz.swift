import Crypto
import HTTPCore
import JSON

/// Reads the input as what strangers may send where a key or a token is expected.
func fuzzToken(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    reach["keys", default: 0] += JSONWebKeySet(parsing: bytes)?.keys.count ?? 0
    if (try? JSONWebToken(text)) != nil { reach["tokens", default: 0] += 1 }
    promise(RSAPrivateKey(pem: text) == nil || text.contains("PRIVATE KEY"), "a key out of nothing")
    for alphabet in [Base64.Alphabet.standard, .urlSafe] {
        if let decoded = Base64.decode(text, alphabet: alphabet) {
            reach["base64", default: 0] += 1
            promise(Base64.decode(Base64.encode(decoded, alphabet: alphabet), alphabet: alphabet) == decoded, "base64")
        }
    }
    if let decoded = Hex.decode(text) {
        promise(Hex.encode(decoded) == text.lowercased(), "hexadecimal digits are read as others")
    }
    for field in HTTPPercentEncoding.decodeForm(bytes) {
        promise(
            HTTPPercentEncoding.decode(HTTPPercentEncoding.encode(field.value).utf8) == field.value, "percent signs")
    }
}
