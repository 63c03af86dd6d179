//! Changes of carts, and the merge of a guest's cart into an account's. Hot: many at once.
use crate::cart::Change;
use crate::news::{self, Fact, News};
use crate::store::{self, Kept, TokenHash};
use contracts::cart::{CartRefused, CartsMerged};
use contracts::{AccountId, CartId};
use kit::auth::token_hash;
use kit::problem::Unexpected;
use kit::wave::Wave;
use std::collections::BTreeMap;

/// A change of one cart.
#[derive(Clone, Debug)]
pub struct ChangeCart {
    /// Whose, if somebody is logged in.
    pub account: Option<AccountId>,
    /// The guest's token, hashed.
    pub token: Option<TokenHash>,
    /// What to do.
    pub change: Change,
}

/// A cart after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The cart; none where there was none and none was needed.
    pub kept: Option<Kept>,
    /// The token that names it from now on, where it is a guest's new cart.
    pub token: Option<String>,
    /// Whether a line was added.
    pub new_line: bool,
}

/// Changes carts. A change is made to the account's cart, else to the token's; a guest without
/// a live token gets a new cart. With both, the guest's cart goes into the account's first and
/// the token is void: a repetition finds no cart under it.
///
/// Carts are locked in the order of their ids, so that parallel changes wait for each other and
/// none is lost.
/// # Errors
/// When the database fails.
pub async fn change_carts(
    wave: &mut Wave,
    commands: &[ChangeCart],
) -> Result<Vec<Result<Changed, CartRefused>>, Unexpected> {
    let mut accounts: Vec<AccountId> = commands.iter().filter_map(|c| c.account).collect();
    let mut tokens: Vec<TokenHash> = commands.iter().filter_map(|c| c.token).collect();
    accounts.sort_unstable();
    accounts.dedup();
    tokens.sort_unstable();
    tokens.dedup();
    let locked = if accounts.is_empty() && tokens.is_empty() {
        Vec::new()
    } else {
        store::lock(wave, accounts, tokens).await?
    };
    let before: BTreeMap<CartId, Kept> = locked.into_iter().map(|kept| (kept.id, kept)).collect();
    let mut carts = Carts::of(before.clone());
    let answers = commands.iter().map(|command| carts.run(wave, command)).collect();
    store::save(wave, &before, &carts.by_id).await?;
    carts.news.into_iter().try_for_each(|news| news.tell(wave))?;
    Ok(answers)
}

/// The carts of a wave, as its commands leave them one after the other.
struct Carts {
    by_id: BTreeMap<CartId, Kept>,
    by_account: BTreeMap<AccountId, CartId>,
    by_token: BTreeMap<TokenHash, CartId>,
    /// What was done, in its order.
    news: Vec<News>,
}

impl Carts {
    fn of(by_id: BTreeMap<CartId, Kept>) -> Self {
        let by_account = by_id.values().filter_map(|kept| Some((kept.account?, kept.id))).collect();
        let by_token = by_id.values().filter_map(|kept| Some((kept.token?, kept.id))).collect();
        Self { by_id, by_account, by_token, news: Vec::new() }
    }

    fn run(&mut self, wave: &Wave, command: &ChangeCart) -> Result<Changed, CartRefused> {
        let found = match command.account {
            Some(account) => self.of_account(account, command.token),
            None => command.token.and_then(|token| self.by_token.get(&token).copied()),
        };
        if let Some(kept) = found.and_then(|id| self.by_id.get_mut(&id)) {
            let before = kept.cart.version;
            let new_line = kept.cart.make(&command.change)?;
            let change = (before, &kept.cart);
            self.news.extend(news::of_change(kept.id, kept.account, &command.change, change));
            return Ok(Changed { kept: Some(kept.clone()), token: None, new_line });
        }
        self.run_new(wave, command)
    }

    /// The account's cart, with the lines of the token's, if it names one.
    fn of_account(&mut self, account: AccountId, token: Option<TokenHash>) -> Option<CartId> {
        let own = self.by_account.get(&account).copied();
        let guest = token.and_then(|token| self.by_token.remove(&token));
        let Some(guest) = guest else { return own };
        let left = self.by_id.get_mut(&guest)?;
        left.token = None;
        let Some(own) = own else {
            // Nothing to merge with: the guest's cart becomes the account's, as it was seen.
            left.account = Some(account);
            self.by_account.insert(account, guest);
            return Some(guest);
        };
        left.merged_into = Some(own);
        let lines = std::mem::take(&mut left.cart);
        left.cart.version = lines.version + 1;
        if let Some(kept) = self.by_id.get_mut(&own) {
            kept.cart.merge(&lines);
            let fact = Fact::Merged(CartsMerged { cart: own, account, guest });
            self.news.push(News { version: kept.cart.version, fact });
        }
        Some(own)
    }

    /// A command that finds no cart: only what puts something in makes one.
    fn run_new(&mut self, wave: &Wave, command: &ChangeCart) -> Result<Changed, CartRefused> {
        let mut cart = crate::cart::Cart::default();
        let new_line = cart.make(&command.change)?;
        if cart.lines.is_empty() {
            return Ok(Changed { kept: None, token: None, new_line });
        }
        let id: CartId = wave.id();
        self.news.extend(news::of_change(id, command.account, &command.change, (0, &cart)));
        let token = command.account.is_none().then(|| wave.sources().token());
        let hash = token.as_deref().map(token_hash);
        let kept = Kept { id, account: command.account, token: hash, merged_into: None, cart };
        self.by_id.insert(id, kept.clone());
        self.by_account.extend(command.account.map(|account| (account, id)));
        self.by_token.extend(hash.map(|hash| (hash, id)));
        Ok(Changed { kept: Some(kept), token, new_line })
    }
}
