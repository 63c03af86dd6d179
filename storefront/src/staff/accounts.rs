//! `/admin/accounts`: who has an account, what they may do, and whether they may log in.
use super::{Tab, link, no_such_page, require, sought, tabs};
use crate::Shop;
use crate::form::Sent;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::caller::Permission;
use contracts::identity::{AccountForStaff, AccountRefused, ListAccounts, SetAccount};
use contracts::{AccountId, Role};
use serde::Deserialize;
use std::sync::Arc;

const LIMIT: u32 = 30;

/// The roles, with words for them.
const ROLES: [(Role, &str); 3] =
    [(Role::Customer, "Customer"), (Role::Support, "Support"), (Role::Admin, "Admin")];

/// Which accounts.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Which {
    q: String,
    role: String,
    cursor: String,
}

/// What an account becomes, and the list that it was on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Change {
    /// Empty: as it is.
    new_role: String,
    /// `true`, `false`, or empty: as it is.
    disabled: String,
    q: String,
    role: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "staff/accounts.html")]
struct AccountsPage {
    frame: Frame,
    tabs: Vec<Tab>,
    which: Which,
    accounts: Vec<AccountForStaff>,
    /// Whoever looks.
    me: Option<AccountId>,
    trouble: Option<&'static str>,
    next: Option<String>,
}

impl AccountsPage {
    fn is_me(&self, account: &AccountForStaff) -> bool {
        self.me == Some(account.me.id)
    }
}

/// The list.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(which): Query<Which>,
) -> Shown {
    require(&visitor, Permission::ManageAccounts)?;
    page(&shop, &visitor, which, None, StatusCode::OK).await
}

/// Changes one.
pub async fn set(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(change): Sent<Change>,
) -> Shown {
    require(&visitor, Permission::ManageAccounts)?;
    let account: AccountId = id.parse().map_err(|_| Stop::NotFound)?;
    let Change { new_role, disabled, q, role, cursor } = change;
    let which = Which { q, role, cursor };
    let new_role = match new_role.as_str() {
        "" => None,
        name => Some(name.parse::<Role>().map_err(|_| Stop::bad("There is no such role."))?),
    };
    let disabled = match disabled.as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    if new_role.is_none() && disabled.is_none() {
        return Err(Stop::bad("The form says nothing to be changed."));
    }
    let trouble = match shop
        .ask(&visitor, SetAccount { account, role: new_role, disabled })
        .await
        .refusal()?
    {
        Ok(_) => {
            let query = [
                ("q", which.q.as_str()),
                ("role", &which.role),
                ("cursor", &which.cursor),
                ("notice", "account_saved"),
            ];
            return Ok(Redirect::to(&link("/admin/accounts", &query)).into_response());
        }
        Err(AccountRefused::LastAdmin) => {
            "This is the last admin, and the shop needs one: name another one first."
        }
        Err(AccountRefused::NotFound) => "The account is gone.",
        Err(AccountRefused::NotAllowed) => return Err(Stop::Forbidden),
        Err(AccountRefused::Cursor) => return Err(no_such_page()),
    };
    page(&shop, &visitor, which, Some(trouble), StatusCode::CONFLICT).await
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    which: Which,
    trouble: Option<&'static str>,
    code: StatusCode,
) -> Shown {
    let list = ListAccounts {
        q: sought(&which.q),
        role: which.role.parse().ok(),
        limit: LIMIT,
        cursor: Some(which.cursor.clone()).filter(|cursor| !cursor.is_empty()),
    };
    let (frame, listed) =
        tokio::join!(Frame::at_place(shop, visitor, "staff"), shop.ask(visitor, list));
    let listed = listed.or_stop(|refused| match refused {
        AccountRefused::Cursor => no_such_page(),
        _ => Stop::Forbidden,
    })?;
    let next = listed.next_cursor.map(|cursor| {
        let query = [("q", which.q.as_str()), ("role", &which.role), ("cursor", &cursor)];
        link("/admin/accounts", &query)
    });
    let (tabs, me) = (tabs(visitor, "/admin/accounts"), visitor.caller.account());
    let accounts = listed.items;
    private(code, &AccountsPage { frame, tabs, which, accounts, me, trouble, next })
}
