//! What a provider tells us by itself. It is signed, so that strangers cannot keep us busy; and it
//! is not believed even then: it only makes us ask the provider, now, about the attempt it names.
use crate::Payments;
use crate::provider;
use crate::store::{Sheet, webhooks};
use contracts::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use kit::Unexpected;
use kit::wave::{NotRun, Wave};
use sha2::Sha256;
use uuid::Uuid;

/// How far a signature's time may be from ours, in seconds.
const TOLERANCE_SECONDS: u64 = 300;

/// What a provider told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Which provider.
    pub provider: &'static str,
    /// What the provider calls the message: the same when it is repeated.
    pub id: String,
    /// What it claims to be about.
    pub kind: String,
    /// Which attempt.
    pub attempt: Uuid,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// The header is not what it should be.
    #[error("The signature's header must read t=<unix seconds>,v1=<hexadecimal HMAC-SHA256>.")]
    Malformed,
    /// It was signed too long ago, or in the future.
    #[error("The signature's time is more than five minutes from now.")]
    NotNow,
    /// Somebody else signed it, or another body.
    #[error("The signature does not fit the body.")]
    Wrong,
}

/// Checks the signature of a body: `t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "<t>.<body>")>`.
/// Several `v1` may stand there, as while a secret changes; one has to fit.
/// # Errors
/// [`NotSigned`]
pub fn verify(secret: &[u8], header: &str, body: &[u8], now: Timestamp) -> Result<(), NotSigned> {
    let (mut time, mut signatures) = (None, Vec::new());
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", seconds)) if time.is_none() => time = Some(seconds),
            Some(("v1", signature)) => {
                signatures.push(hex::decode(signature).map_err(|_| NotSigned::Malformed)?);
            }
            // Other schemes are for other readers.
            Some((scheme, _)) if scheme != "t" => {}
            _ => return Err(NotSigned::Malformed),
        }
    }
    let time = time.filter(|_| !signatures.is_empty()).ok_or(NotSigned::Malformed)?;
    let seconds: i64 = time.parse().map_err(|_| NotSigned::Malformed)?;
    if now.seconds().abs_diff(seconds) > TOLERANCE_SECONDS {
        return Err(NotSigned::NotNow);
    }
    let mut signed = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| NotSigned::Wrong)?;
    signed.update(time.as_bytes());
    signed.update(b".");
    signed.update(body);
    // In constant time.
    let fits = |signature: &Vec<u8>| signed.clone().verify_slice(signature).is_ok();
    if signatures.iter().any(fits) { Ok(()) } else { Err(NotSigned::Wrong) }
}

/// Records a message once, and has the provider asked. One that came before changes nothing.
/// # Errors
/// [`NotRun`], see there.
pub async fn receive(payments: &Payments, webhook: Webhook) -> Result<(), NotRun> {
    payments.waves.write(webhook, |wave, webhook| Box::pin(record(wave, webhook))).await
}

async fn record(wave: &mut Wave, webhook: &Webhook) -> Result<(), Unexpected> {
    let Webhook { provider, id, kind, attempt } = webhook;
    if webhooks::is_known(wave, provider, id).await? {
        return Ok(());
    }
    webhooks::record(wave, provider, id, kind, *attempt).await?;
    let mut sheet = Sheet::default();
    sheet.load_attempts(wave, [*attempt]).await?;
    if let Some(attempt) = sheet.attempts.get_mut(*attempt) {
        attempt.look_again(wave.now());
        wave.wake(provider::WORKER);
    }
    sheet.save(wave).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    fn sign(secret: &str, t: &str, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{t}.{body}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    #[test]
    fn a_signature_is_that_of_others_who_reckon_the_same_way() {
        // printf '1767225600.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
        let signature = "45b40331de0325606dc5400202ade162460fbe48daf9401adfdcd0d7b4f35470";
        let body = r#"{"id":"evt_1"}"#;
        assert_eq!(sign("whsec_test", "1767225600", body), signature);
        let header = format!("t=1767225600,v1={signature}");
        assert_eq!(verify(b"whsec_test", &header, body.as_bytes(), NOW), Ok(()));
    }

    #[test]
    fn only_the_secret_the_body_and_the_time_together_fit() {
        let fits = sign("s", "1767225600", "body");
        let check = |secret: &str, header: &str, body: &str| {
            verify(secret.as_bytes(), header, body.as_bytes(), NOW)
        };
        let header = format!("t=1767225600,v1={fits}");
        assert_eq!(check("s", &header, "body"), Ok(()));
        assert_eq!(check("s", &format!("v0=x, v1=00,v1={fits}, t=1767225600"), "body"), Ok(()));
        assert_eq!(check("x", &header, "body"), Err(NotSigned::Wrong));
        assert_eq!(check("s", &header, "bode"), Err(NotSigned::Wrong));
        assert_eq!(check("s", &format!("t=1767225601,v1={fits}"), "body"), Err(NotSigned::Wrong));
        assert_eq!(check("s", "t=1767225600,v1=", "body"), Err(NotSigned::Wrong));
        assert_eq!(check("s", &format!("{header}00"), "body"), Err(NotSigned::Wrong));
        assert_eq!(
            check("s", &format!("t=1767225600,v1={}", &fits[..62]), "body"),
            Err(NotSigned::Wrong)
        );
    }

    #[test]
    fn a_signature_is_good_for_five_minutes_either_way() {
        for (offset, fits) in [(-300, true), (300, true), (-301, false), (301, false)] {
            let t = (NOW.seconds() + offset).to_string();
            let header = format!("t={t},v1={}", sign("s", &t, "body"));
            let checked = verify(b"s", &header, b"body", NOW);
            assert_eq!(checked, if fits { Ok(()) } else { Err(NotSigned::NotNow) }, "{offset}");
        }
        for t in ["9223372036854775807", "-9223372036854775808"] {
            let header = format!("t={t},v1={}", sign("s", t, "body"));
            assert_eq!(verify(b"s", &header, b"body", NOW), Err(NotSigned::NotNow));
        }
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        for header in [
            "",
            "t=1767225600",
            "v1=00",
            "t=x,v1=00",
            "t=1.5,v1=00",
            "t=1767225600,v1=zz",
            "t=1767225600,v1=0",
            "t=1767225600,t=1767225600,v1=00",
            "t=99999999999999999999,v1=00",
            "1767225600,00",
            ",",
        ] {
            assert_eq!(verify(b"s", header, b"body", NOW), Err(NotSigned::Malformed), "{header}");
        }
    }
}
