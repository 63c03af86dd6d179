//! What says it comes from a provider of payments.
use crate::{NOW, first_text};
use hmac::{Hmac, KeyInit as _, Mac as _};
use payments::webhook::verify;
use sha2::Sha256;

pub(crate) const SECRET: &str = "whsec_fuzz";

/// `raw`, a signature's header and a body, a line each, as a stranger sends them: nothing is
/// taken that was not signed. Or `signed`, a time, what else stands in the header, and a body,
/// with the right signature added: what is taken was signed at most five minutes from now.
pub fn webhooks(bytes: &[u8]) {
    let Some((kind, rest)) = first_text(bytes) else { return };
    let Some((header, body)) = first_text(rest) else { return };
    match kind {
        "raw" => {
            let taken = verify(SECRET.as_bytes(), header, body, NOW).is_ok();
            assert!(!taken || holds_signature(header, body), "{header:?} is taken");
        }
        "signed" => {
            let (time, more) = header.split_once(' ').unwrap_or((header, ""));
            let header = format!("t={time},{more},v1={}", sign(time, body));
            if verify(SECRET.as_bytes(), &header, body, NOW).is_ok() {
                assert!(is_now(time), "{header:?} is taken");
                let other = [body, b" "].concat();
                let forged = verify(SECRET.as_bytes(), &header, &other, NOW).is_ok();
                assert!(!forged || holds_signature(&header, &other), "for another body");
            } else if more.is_empty() {
                // `t=…,,v1=…` is no header; without the empty part it is one.
                let plain = format!("t={time},v1={}", sign(time, body));
                let taken = verify(SECRET.as_bytes(), &plain, body, NOW).is_ok();
                assert_eq!(taken, is_now(time) && !time.contains(','), "{plain:?}");
            }
        }
        _ => {}
    }
}

fn is_now(time: &str) -> bool {
    time.parse::<i64>().is_ok_and(|time| NOW.seconds().abs_diff(time) <= 300)
}

/// HMAC-SHA256 of a time and a body, in hexadecimal.
pub(crate) fn sign(time: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()) else {
        unreachable!("a key may have any length")
    };
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// Whether some time in the header, and some signature in it, belong together.
fn holds_signature(header: &str, body: &[u8]) -> bool {
    let header = header.to_ascii_lowercase();
    let mut times = header.split(',').filter_map(|part| part.trim().strip_prefix("t="));
    times.any(|time| is_now(time) && header.contains(&sign(time, body)))
}
