//! How much one address may ask: so many requests a second, so many logins a minute.
//!
//! Counted by the generic cell rate algorithm: a bucket that refills evenly. What remains is told
//! in the headers of draft-ietf-httpapi-ratelimit-headers, so that a client can slow down before
//! it is refused.
use crate::place::Place;
use axum::extract::ConnectInfo;
use axum::http::request::Parts as Head;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method};
use governor::clock::{Clock, Reference as _};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use kit::Problem;
use kit::config::{Config, Limits as Settings};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How many seconds' worth of requests may come at once: a page with its pictures, a script that
/// walks through the shop.
const BURST_SECONDS: u32 = 4;
/// After so many questions, those who have not asked for long are forgotten.
const FORGET_EVERY: u32 = 4096;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// How long the process has been running: a clock that nobody sets back.
#[derive(Clone)]
pub struct Uptime(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Uptime {
    /// As `clock` tells it, which never goes back.
    pub fn new(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(clock))
    }
}
impl Clock for Uptime {
    type Instant = Duration;
    fn now(&self) -> Duration {
        (self.0)()
    }
}

/// Whose requests are counted together: an IPv4 address, or the /64 that a household gets.
type Payer = u64;
type Buckets<K> = RateLimiter<K, DashMapStateStore<K>, Uptime, StateInformationMiddleware>;

/// The limits of everybody who asks.
pub struct Limits {
    general: Bucket<Payer>,
    /// Logins and the like, and renewals of tokens, each apart.
    logins: Bucket<(Payer, bool)>,
    trust_forwarded: bool,
}

/// What is left to an address after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    policy: Policy,
    remaining: u32,
    /// Seconds until all of the quota is there again (or, refused, until one request is).
    reset: u64,
}

/// A named quota, as the headers tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Policy {
    name: &'static str,
    quota: u32,
    seconds: u32,
}

impl Limits {
    /// As configured; none where they are switched off.
    pub fn new(config: &Config, uptime: &Uptime) -> Option<Self> {
        let Settings { requests_per_second, logins_per_minute, .. } = config.limits;
        let burst = requests_per_second.saturating_mul(BURST_SECONDS);
        let general = Policy { name: "default", quota: burst, seconds: BURST_SECONDS };
        let logins = Policy { name: "login", quota: logins_per_minute, seconds: 60 };
        config.rate_limit.is_on().then(|| Self {
            general: Bucket::new(general, uptime),
            logins: Bucket::new(logins, uptime),
            trust_forwarded: config.trust_forwarded.is_on(),
        })
    }
    /// Counts a request and says what is left to its sender.
    /// # Errors
    /// When nothing is left.
    pub fn admit(&self, place: Place, asked: &Head) -> Result<Option<Left>, Left> {
        if place == Place::Ops {
            return Ok(None);
        }
        let payer = payer(self.address(&asked.headers, &asked.extensions));
        let left = self.general.take(&payer)?;
        let renewal = match place {
            Place::Login { renewal } if asked.method == Method::POST => renewal,
            Place::LoginPage if asked.method == Method::POST => false,
            _ => return Ok(Some(left)),
        };
        self.logins.take(&(payer, renewal)).map(Some)
    }
    fn address(&self, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
        if self.trust_forwarded
            && let Some(told) = forwarded_for(headers)
        {
            return told;
        }
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip())
    }
}

/// The last address of the last `X-Forwarded-For`: the one that our own proxy saw. Those before
/// it are whatever the client wrote.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

fn payer(address: IpAddr) -> Payer {
    match address.to_canonical() {
        // No network of IPv6 begins with 32 zeros followed by an address of IPv4.
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => u64::try_from(u128::from(address) >> 64).unwrap_or(u64::MAX),
    }
}

impl Left {
    /// 429 `rate_limited`, for whom nothing is left.
    pub fn refusal(self) -> Problem {
        Problem::rate_limited(u32::try_from(self.reset).unwrap_or(u32::MAX))
    }
    /// Tells it in the headers of an answer.
    pub fn tell(self, headers: &mut HeaderMap) {
        let Policy { name, quota, seconds } = self.policy;
        let policy = format!("\"{name}\";q={quota};w={seconds}");
        let limit = format!("\"{name}\";r={};t={}", self.remaining, self.reset);
        for (header, value) in [(POLICY, policy), (LIMIT, limit)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(header, value);
            }
        }
    }
}

/// The buckets of one policy, one for each who asks.
struct Bucket<K: std::hash::Hash + Eq + Clone> {
    policy: Policy,
    buckets: Buckets<K>,
    uptime: Uptime,
    asked: AtomicU32,
}

impl<K: std::hash::Hash + Eq + Clone> Bucket<K> {
    fn new(policy: Policy, uptime: &Uptime) -> Self {
        let most = NonZeroU32::new(policy.quota).unwrap_or(NonZeroU32::MIN);
        let one_per = Duration::from_secs(u64::from(policy.seconds)) / most.get();
        // A quota of more than a thousand million a second counts as that many.
        let one_per = one_per.max(Duration::from_nanos(1));
        let quota = Quota::with_period(one_per).unwrap_or(Quota::per_second(most));
        let store = DashMapStateStore::default();
        let buckets = Buckets::new(quota.allow_burst(most), store, uptime.clone());
        let policy = Policy { quota: most.get(), ..policy };
        Self { policy, buckets, uptime: uptime.clone(), asked: AtomicU32::new(0) }
    }
    fn take(&self, key: &K) -> Result<Left, Left> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            // Whoever's bucket is full again need not be remembered: memory holds those only
            // who asked within the window of the policy.
            self.buckets.retain_recent();
            self.buckets.shrink_to_fit();
        }
        let policy = self.policy;
        match self.buckets.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity().min(policy.quota);
                let used = u64::from(policy.quota - remaining);
                let reset = (used * u64::from(policy.seconds)).div_ceil(u64::from(policy.quota));
                Ok(Left { policy, remaining, reset })
            }
            Err(until) => {
                let now = self.uptime.now();
                let wait = Duration::from(until.earliest_possible().duration_since(now));
                let reset = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Err(Left { policy, remaining: 0, reset: reset.max(1) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use kit::config::Switch;
    use parking_lot::Mutex;

    fn limits(change: impl Fn(&mut Config)) -> (Limits, Arc<Mutex<Duration>>) {
        let clock = Arc::new(Mutex::new(Duration::from_secs(1)));
        let told = Arc::clone(&clock);
        let mut config = Config { trust_forwarded: Switch::On, ..Config::default() };
        change(&mut config);
        let uptime = Uptime::new(move || *told.lock());
        (Limits::new(&config, &uptime).unwrap(), clock)
    }
    fn from(limits: &Limits, address: &str, place: Place) -> Result<Left, Left> {
        let peer = ConnectInfo(SocketAddr::new(address.parse().unwrap(), 1));
        let asked = Request::post("/").extension(peer).body(()).unwrap().into_parts().0;
        limits.admit(place, &asked).map(Option::unwrap)
    }

    #[test]
    fn an_address_may_ask_so_much_and_then_waits() {
        let (limits, clock) = limits(|config| config.limits.requests_per_second = 2);
        for remaining in (0..8).rev() {
            let left = from(&limits, "192.0.2.1", Place::Api).unwrap();
            assert_eq!(
                (left.remaining, left.reset),
                (remaining, (8 - u64::from(remaining)).div_ceil(2))
            );
        }
        let refused = from(&limits, "192.0.2.1", Place::Api).unwrap_err();
        assert_eq!((refused.remaining, refused.reset), (0, 1));
        assert!(from(&limits, "192.0.2.2", Place::Api).is_ok(), "another address");
        *clock.lock() += Duration::from_millis(500);
        assert!(from(&limits, "192.0.2.1", Place::Api).is_ok());
        assert!(from(&limits, "192.0.2.1", Place::Api).is_err());
    }

    #[test]
    fn logins_are_fewer_and_renewals_are_counted_apart() {
        let (limits, clock) = limits(|config| config.limits.logins_per_minute = 3);
        let (login, renewal) = (Place::Login { renewal: false }, Place::Login { renewal: true });
        for _ in 0..3 {
            assert!(from(&limits, "192.0.2.1", login).is_ok());
            assert!(from(&limits, "192.0.2.1", renewal).is_ok());
        }
        assert_eq!(from(&limits, "192.0.2.1", login).unwrap_err().reset, 20);
        assert_eq!(from(&limits, "192.0.2.1", login).unwrap_err().policy.name, "login");
        assert!(from(&limits, "192.0.2.1", Place::Api).is_ok());
        *clock.lock() += Duration::from_secs(20);
        assert!(from(&limits, "192.0.2.1", login).is_ok());
    }

    #[test]
    fn a_household_is_one_and_a_proxy_is_believed_only_about_its_own_peer() {
        let (limits, _) = limits(|config| config.limits.requests_per_second = 1);
        for host in 0..4 {
            assert!(from(&limits, &format!("2001:db8::{host}"), Place::Api).is_ok());
        }
        assert!(from(&limits, "2001:db8::ffff", Place::Api).is_err());
        assert!(from(&limits, "2001:db8:0:1::1", Place::Api).is_ok());
        assert_eq!(payer("::ffff:192.0.2.1".parse().unwrap()), payer("192.0.2.1".parse().unwrap()));
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("10.0.0.1"));
        headers.append("x-forwarded-for", HeaderValue::from_static("10.0.0.2, 192.0.2.9"));
        assert_eq!(limits.address(&headers, &Extensions::new()).to_string(), "192.0.2.9");
        let strict = Limits { trust_forwarded: false, ..limits };
        assert_eq!(strict.address(&headers, &Extensions::new()).to_string(), "0.0.0.0");
    }

    #[test]
    fn those_who_left_are_forgotten() {
        let (limits, clock) = limits(|_| {});
        for host in 0..10_000_u32 {
            let address = IpAddr::V4(Ipv4Addr::from(host)).to_string();
            assert!(from(&limits, &address, Place::Api).is_ok());
            *clock.lock() += Duration::from_millis(1);
        }
        assert!(limits.general.buckets.len() < 6_000, "{}", limits.general.buckets.len());
    }
}
