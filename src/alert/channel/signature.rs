//! The signature of a webhook: whoever knows the key knows that the body is ours, and when it was sent.

use ring::hmac;

/// `sha256=` and the HMAC of `timestamp.body` in hexadecimal.
pub(super) fn sign(key: &[u8], timestamp: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body);
    let digits: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value is of `printf '%s' '1768055400.{"a":1}' | openssl dgst -sha256 -hmac key`.
    #[test]
    fn a_signature_is_what_openssl_says() {
        assert_eq!(
            sign(b"key", "1768055400", b"{\"a\":1}"),
            "sha256=dd32484587afa9f1c3d744597951e03ed6b1f611436f80b154fd6aa053b3d279"
        );
    }
}
