//! The token that opens a guest's order: HMAC-SHA256 of the order's id under a secret of this
//! store. It follows from the id, so that a repeated checkout answers it again, and no table
//! holds it.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::OrderId;
use kit::auth::same_secret;
use sha2::{Digest as _, Sha256};

/// Makes and knows the tokens of this store's orders.
pub struct Tokens([u8; 32]);

impl Tokens {
    /// By the store's secret.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }
    /// The token of `order`.
    pub fn of(&self, order: OrderId) -> String {
        URL_SAFE_NO_PAD.encode(hmac_sha256(&self.0, order.0.as_bytes()))
    }
    /// Whether `token` is that of `order`.
    pub fn opens(&self, token: &str, order: OrderId) -> bool {
        same_secret(token.as_bytes(), self.of(order).as_bytes())
    }
}

/// RFC 2104, for a key of one half block: no more of it is needed here.
fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_hmac_is_that_of_rfc_4231() {
        // Test case 2, its key padded with zeros to 32 bytes: to HMAC that is the same key.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(
            hex::encode(hmac_sha256(&key, b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_token_opens_its_own_order_of_its_own_store_only() {
        let (mine, other) = (OrderId(Uuid::from_u128(1)), OrderId(Uuid::from_u128(2)));
        let tokens = Tokens::new([7; 32]);
        assert!(tokens.opens(&tokens.of(mine), mine));
        assert!(!tokens.opens(&tokens.of(mine), other));
        assert!(!Tokens::new([8; 32]).opens(&tokens.of(mine), mine));
        for forged in ["", "x", &tokens.of(mine)[1..]] {
            assert!(!tokens.opens(forged, mine));
        }
    }
}
