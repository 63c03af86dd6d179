//! Reviews, letters, accounts and money behind the counter.
use crate::counter::{Heard, account, mail, payment};
use crate::town::{HOSTILE, Town, order_id, review};
use contracts::catalog::{
    GetProduct, ModerateReview, NoSuchProduct, ReviewPage, ReviewRefused, ReviewStatus,
    ReviewsToModerate,
};
use contracts::identity::{AccountPage, AccountRefused, ListAccounts, SetAccount};
use contracts::notifications::{
    GetMail, ListMails, MailPage, MailRefused, MailStatus, SendAgain, WholeMail,
};
use contracts::payments::{
    GetPayment, ListTransactions, PaymentMethod, PaymentStatus, TransactionPage,
    TransactionsRefused,
};
use contracts::{CallError, Role};
use uuid::Uuid;

#[tokio::test]
async fn reviews_are_read_then_published_or_rejected() {
    let listed: Heard<ReviewsToModerate> = Heard::default();
    let heard: Heard<ModerateReview> = Heard::default();
    let mut helper = Town::new()
        .hear(&listed, |asked| {
            let mut said = review("A monster", "Of a book.");
            said.status = asked.status;
            let mut evil = review(HOSTILE, HOSTILE);
            (evil.name, evil.status) = (Some(HOSTILE.to_owned()), asked.status);
            Ok(ReviewPage { items: vec![said, evil], next_cursor: Some("a&b".to_owned()) })
        })
        .hear(&heard, |call| match call.review.0.is_nil() {
            true => Err(CallError::Refused(ReviewRefused::NotFound)),
            false => Ok(review("A monster", "Of a book.")),
        })
        .open()
        .logged_in("helper");
    let seen = helper.get("/admin/reviews").await;
    seen.is(200)
        .tells("Of a book.")
        .tells("href=\"/p/frankenstein\">Frankenstein")
        .tells("4 of 5 stars");
    seen.tells("value=\"published\"")
        .tells("value=\"rejected\"")
        .hides("<script")
        .hides("<img src=x");
    seen.tells("href=\"/admin/reviews?status=pending&#38;cursor=a%26b\"");
    helper
        .get("/admin/reviews?status=published")
        .await
        .hides("name=\"verdict\" value=\"published\"")
        .tells("value=\"rejected\"");
    helper
        .get("/admin/reviews?status=rejected&cursor=x")
        .await
        .tells("value=\"published\"")
        .hides("name=\"verdict\" value=\"rejected\"");
    let asked: Vec<_> =
        listed.lock().unwrap().iter().map(|list| (list.status, list.cursor.clone())).collect();
    assert_eq!(asked[0], (ReviewStatus::Pending, None));
    assert_eq!(
        asked[1..],
        [(ReviewStatus::Published, None), (ReviewStatus::Rejected, Some("x".to_owned()))]
    );
    let path = format!("/admin/reviews/{}", Uuid::from_u128(3));
    for (verdict, status, notice) in [
        ("published", ReviewStatus::Published, "review_seen"),
        ("rejected", ReviewStatus::Rejected, "review_hidden"),
    ] {
        let seen = helper.post(&path, &[("verdict", verdict), ("status", "pending")]).await;
        assert_eq!(seen.is(303).to(), format!("/admin/reviews?status=pending&notice={notice}"));
        let call = heard.lock().unwrap().pop().unwrap();
        assert_eq!((call.review, call.status), (Uuid::from_u128(3).into(), status));
    }
    helper.post(&path, &[("verdict", "praised")]).await.is(400);
    let gone = format!("/admin/reviews/{}", Uuid::nil());
    helper.post(&gone, &[("verdict", "published")]).await.is(409).tells("The review is gone");
    helper.post("/admin/reviews/x", &[("verdict", "published")]).await.is(404);
    let mut sold_no_more = Town::new()
        .play::<GetProduct>(|_, _| Err(CallError::Refused(NoSuchProduct)))
        .open()
        .logged_in("helper");
    sold_no_more.get("/admin/reviews").await.is(200).tells("A product that is sold no more");
}

#[tokio::test]
async fn letters_are_listed_read_and_sent_again() {
    let listed: Heard<ListMails> = Heard::default();
    let again: Heard<SendAgain> = Heard::default();
    let mut boss = Town::new()
        .hear(&listed, |_| {
            let items =
                vec![mail("Your receipt", MailStatus::Failed), mail(HOSTILE, MailStatus::Kept)];
            Ok(MailPage { items, next_cursor: Some("a&b".to_owned()) })
        })
        .hear(&again, |call| match call.mail.0.is_nil() {
            true => Err(CallError::Refused(MailRefused::WrongState)),
            false => Ok(mail("Your receipt", MailStatus::Waiting)),
        })
        .open()
        .logged_in("boss");
    let seen = boss.get("/admin/mails?status=failed&to=Ada%40example.com&cursor=x").await;
    seen.is(200).tells("Your receipt").tells("550 no such box").tells("Kept here").hides("<script");
    seen.tells("href=\"/admin/mails?to=Ada%40example.com&#38;status=failed&#38;cursor=a%26b\"");
    let list = listed.lock().unwrap().pop().unwrap();
    assert_eq!(
        (list.status, list.to.as_deref(), list.cursor.as_deref()),
        (Some(MailStatus::Failed), Some("Ada@example.com"), Some("x"))
    );
    let path = format!("/admin/mails/{}", Uuid::from_u128(8));
    let seen = boss.get(&path).await;
    seen.is(200).tells("We received 24.97 USD.").tells("after 2 attempts").tells("550 no such box");
    seen.tells(&format!("/v1/staff/mails/{}/eml", Uuid::from_u128(8)));
    seen.tells(&format!("/admin/orders/{}", order_id()));
    let seen = boss.post(&format!("{path}/send"), &[]).await;
    assert_eq!(seen.is(303).to(), format!("{path}?notice=mail_waits"));
    assert_eq!(again.lock().unwrap()[0].mail, Uuid::from_u128(8).into());
    let nil = format!("/admin/mails/{}/send", Uuid::nil());
    boss.post(&nil, &[]).await.is(409).tells("has not failed");
    boss.get("/admin/mails/x").await.is(404);
}

#[tokio::test]
async fn a_letter_is_shown_in_a_frame_that_runs_nothing() {
    let mut boss = Town::new()
        .play::<GetMail>(|_, _| {
            Ok(WholeMail {
                mail: mail(HOSTILE, MailStatus::Kept),
                message_id: "a@b".to_owned(),
                text: HOSTILE.to_owned(),
                html: format!("<style>p{{color:red}}</style><p>{HOSTILE}</p>"),
            })
        })
        .open()
        .logged_in("boss");
    let seen = boss.get(&format!("/admin/mails/{}", Uuid::from_u128(8))).await;
    seen.is(200)
        .tells("<iframe class=\"letter\" sandbox=\"\"")
        .hides("<script")
        .hides("<img src=x");
    seen.tells("srcdoc=\"&#60;style&#62;").hides("<style").hides("Send it again");
    let policy = seen.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("img-src 'self' data:;"),
        "{policy}"
    );
    assert!(!policy.contains("script-src"), "{policy}");
    let list = boss.get("/admin/mails").await;
    assert!(!list.headers.contains_key("content-security-policy"));
}

#[tokio::test]
async fn accounts_are_found_and_their_roles_set() {
    let listed: Heard<ListAccounts> = Heard::default();
    let heard: Heard<SetAccount> = Heard::default();
    let mut boss = Town::new()
        .hear(&listed, |_| {
            let mut shut = account(10, HOSTILE, Role::Support);
            shut.disabled = true;
            shut.me.name = HOSTILE.to_owned();
            let items = vec![
                account(1, "boss@example.com", Role::Admin),
                account(9, "ada@example.com", Role::Customer),
                shut,
            ];
            Ok(AccountPage { items, next_cursor: Some("a&b".to_owned()) })
        })
        .hear(&heard, |call| match call.role {
            Some(Role::Customer) => Err(CallError::Refused(AccountRefused::LastAdmin)),
            Some(Role::Support) => Err(CallError::Refused(AccountRefused::NotFound)),
            _ => Ok(account(9, "ada@example.com", Role::Admin)),
        })
        .open()
        .logged_in("boss");
    let seen = boss.get("/admin/accounts?q=Ada&role=customer&cursor=x").await;
    seen.is(200).tells("It is you").tells("Let in again").hides("<script").hides("<img src=x");
    seen.hides(&format!("action=\"/admin/accounts/{}\"", Uuid::from_u128(1)));
    seen.tells("href=\"/admin/accounts?q=Ada&#38;role=customer&#38;cursor=a%26b\"");
    let list = listed.lock().unwrap().pop().unwrap();
    assert_eq!(
        (list.q.as_deref(), list.role, list.cursor.as_deref()),
        (Some("Ada"), Some(Role::Customer), Some("x"))
    );
    let path = format!("/admin/accounts/{}", Uuid::from_u128(9));
    let seen = boss.post(&path, &[("new_role", "admin"), ("q", "a&b"), ("role", "support")]).await;
    assert_eq!(seen.is(303).to(), "/admin/accounts?q=a%26b&role=support&notice=account_saved");
    boss.post(&path, &[("disabled", "true")]).await.is(303);
    boss.post(&path, &[("disabled", "false")]).await.is(303);
    let calls: Vec<_> = std::mem::take(&mut *heard.lock().unwrap());
    assert!(calls.iter().all(|call| call.account.0 == Uuid::from_u128(9)));
    let said: Vec<_> = calls.iter().map(|call| (call.role, call.disabled)).collect();
    assert_eq!(said, [(Some(Role::Admin), None), (None, Some(true)), (None, Some(false))]);
    boss.post(&path, &[("new_role", "customer")]).await.is(409).tells("the last admin");
    boss.post(&path, &[("new_role", "support")]).await.is(409).tells("The account is gone");
    boss.post(&path, &[("new_role", "king")]).await.is(400);
    boss.post(&path, &[]).await.is(400);
    boss.post("/admin/accounts/x", &[("disabled", "true")]).await.is(404);
}

#[tokio::test]
async fn transactions_are_listed_and_lead_to_their_order() {
    let listed: Heard<ListTransactions> = Heard::default();
    let mut boss = Town::new()
        .hear(&listed, |list| match list.cursor.as_deref() {
            Some("bad") => Err(CallError::Refused(TransactionsRefused::Cursor)),
            _ => Ok(TransactionPage {
                items: vec![crate::counter::transaction("refund", "declined")],
                next_cursor: Some("a&b".to_owned()),
            }),
        })
        .play::<GetPayment>(|_, get| {
            let mut payment = payment(PaymentMethod::Card, PaymentStatus::Captured);
            payment.order = (!get.payment.0.is_nil()).then(order_id);
            Ok(payment)
        })
        .open()
        .logged_in("boss");
    let seen = boss.get("/admin/transactions?cursor=x").await;
    seen.is(200).tells("declined: card_declined").tells("cursor=a%26b").tells("24.97");
    assert_eq!(listed.lock().unwrap()[0].cursor.as_deref(), Some("x"));
    boss.get("/admin/transactions?cursor=bad").await.is(400);
    let seen = boss.get(&format!("/admin/payments/{}", Uuid::from_u128(5))).await;
    assert_eq!(seen.is(303).to(), format!("/admin/orders/{}", order_id()));
    boss.get(&format!("/admin/payments/{}", Uuid::nil())).await.is(409).tells("into a wallet");
    boss.get("/admin/payments/x").await.is(404);
}
