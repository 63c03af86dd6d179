//! A store whose services say what a test wants them to say, and else something usual.
use crate::browser::Browser;
use axum::Router;
use contracts::cart::{
    AddItem, Cart, CartAnswer, CartContents, CartLine, ChangeItem, Contents, ContentsLine, GetCart,
    RemoveItem,
};
use contracts::catalog::{
    BestSellers, CategoryTree, FacetCount, Facets, FindProducts, GetProduct, GetShelfEntry,
    ListReviews, Named, NoSuchProduct, PriceCount, Priced, PricesOf, Product, ProductPage, Review,
    ReviewPage, ReviewStatus, Shelf, ShelfEntry, ShelfEntryDetail, ShelfRefused, Variant,
};
use contracts::identity::{
    GetMe, ListAddresses, ListSessions, LogIn, LogOut, Me, NotLoggedIn, OpenSession, Refresh,
    Register, SavedAddress, Tokens,
};
use contracts::inventory::{Available, AvailableOf, GetStock, StockLevel};
use contracts::notifications::{ListNotifications, Notification, NotificationPage};
use contracts::orders::{
    CancelReason, GetOrder, GetReceipt, GetShop, GetTracking, LegalPage, ListOrders, Offer, Order,
    OrderPage, OrderPayment, OrderRefused, OrderStatus, QuoteCart, Receipt, Seller, ShippingMethod,
    Shop, ShopTerms, Tracking, TrackingStep,
};
use contracts::payments::{
    GetWallet, NoWallet, OfferedMethod, PaymentMethod, PaymentMethods, PaymentStatus, Wallet,
    WalletEntries, WalletEntry, WalletEntryPage,
};
use contracts::{Address, Call, CallError, Caller, Currency, Money, Quantity, Sku, Timestamp};
use kit::calls::{Answer, Calls, Registry};
use kit::clock::Sources;
use kit::config::Config;
use kit::testing::{HandClock, Seeded};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// What nobody should call anything, and somebody does.
pub const HOSTILE: &str = "</title><script>alert('x')</script>\"><img src=x onerror=alert(1)>&amp;";

pub fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}
pub fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}
pub fn now() -> Timestamp {
    "2026-03-14T09:26:53Z".parse().unwrap()
}
fn named<I: From<Uuid>>(slug: &str, name: &str) -> Named<I> {
    Named { id: I::from(Uuid::nil()), slug: slug.to_owned(), name: name.to_owned() }
}

pub fn product() -> Product {
    let variant = |code: &str, form: &str, price, available| Variant {
        sku: sku(code),
        options: [("format".to_owned(), form.to_owned())].into(),
        price: usd(price),
        available,
    };
    Product {
        id: Uuid::from_u128(7).into(),
        slug: "frankenstein".to_owned(),
        title: "Frankenstein".to_owned(),
        description: "A gifted student stitches a being together.".to_owned(),
        images: vec!["/covers/FR-HC.svg".to_owned()],
        authors: vec![named("mary-shelley", "Mary Shelley")],
        genres: vec![named("gothic", "Gothic")],
        categories: vec![named("fiction", "Fiction")],
        attributes: [
            ("year".to_owned(), 1818.into()),
            ("language".to_owned(), "en".into()),
            ("format".to_owned(), "Hardcover or paperback".into()),
        ]
        .into(),
        score: 3,
        rating: Some(434),
        rating_count: 12,
        variants: vec![
            variant("FR-HC", "Hardcover", 2499, 0),
            variant("FR-PB", "Paperback", 999, 155),
        ],
        sku: sku("FR-HC"),
        price: usd(2499),
        available: 0,
        created_at: now(),
    }
}

pub fn hostile_product() -> Product {
    let evil = || HOSTILE.to_owned();
    let mut product = product();
    product.title = evil();
    product.description = evil();
    product.images = vec!["javascript:alert(1)".to_owned()];
    product.authors = vec![named(HOSTILE, HOSTILE)];
    product.genres = vec![named(HOSTILE, HOSTILE)];
    product.categories = vec![named(HOSTILE, HOSTILE)];
    product.attributes = [(evil(), evil().into()), ("list".to_owned(), vec![evil()].into())].into();
    product.variants[1].options = [(evil(), evil()), ("b".to_owned(), evil())].into();
    product.images.push(format!("/{HOSTILE}"));
    product.slug = evil();
    product
}

pub fn line(title: &str) -> CartLine {
    CartLine {
        sku: sku("FR-PB"),
        title: title.to_owned(),
        slug: "frankenstein".to_owned(),
        image: None,
        quantity: Quantity::new(2).unwrap(),
        unit_price: usd(999),
        line_total: usd(1998),
    }
}

pub fn cart(items: Vec<CartLine>) -> CartAnswer {
    let subtotal = usd(items.iter().map(|line| line.line_total.minor).sum());
    let id = Some(Uuid::from_u128(1).into());
    let cart = Cart { id, items, subtotal, total: subtotal, version: 7, unavailable: Vec::new() };
    CartAnswer { cart, token: None }
}

pub fn order(status: OrderStatus, payment: PaymentStatus) -> Order {
    Order {
        id: order_id(),
        number: "7Q4K-2M9D".to_owned(),
        status,
        items: vec![line("Frankenstein")],
        subtotal: usd(1998),
        shipping: usd(499),
        tax: usd(0),
        tax_included: usd(0),
        tax_lines: Vec::new(),
        discount: usd(0),
        total: usd(2497),
        payment: OrderPayment {
            id: Uuid::from_u128(5).into(),
            status: payment,
            method: PaymentMethod::Card,
            failure_code: (payment == PaymentStatus::Failed).then(|| "card_declined".to_owned()),
            reference: None,
            instructions: None,
        },
        shipping_method: ShippingMethod::Standard,
        shipping_address: address("Ada Lovelace"),
        tracking: None,
        shipments: Vec::new(),
        refunded: usd(0),
        cancel_reason: (status == OrderStatus::Cancelled).then_some(CancelReason::PaymentFailed),
        expires_at: (status == OrderStatus::Pending).then(now),
        created_at: now(),
        version: 1,
    }
}
pub fn order_id() -> contracts::OrderId {
    Uuid::from_u128(0x0198_0c5e_6f10_7d21_9a43_5b8e_7c6d_1f02).into()
}
pub fn address(name: &str) -> Address {
    Address {
        name: name.to_owned(),
        line1: "12 St James's Square".to_owned(),
        line2: None,
        city: "London".to_owned(),
        postal_code: "SW1Y 4JH".to_owned(),
        country: "GB".to_owned(),
        phone: None,
    }
}
/// A category, an author or a genre.
pub fn entry(at: u128, slug: &str, name: &str) -> ShelfEntry {
    let (slug, name) = (slug.to_owned(), name.to_owned());
    ShelfEntry { id: Uuid::from_u128(at), slug, name, parent: None }
}
/// What a cart of two costs in `country`.
pub fn offers() -> Vec<Offer> {
    let offer = |method, shipping| Offer {
        method,
        subtotal: usd(1998),
        shipping: usd(shipping),
        tax: usd(0),
        tax_included: usd(131),
        discount: usd(0),
        total: usd(1998 + shipping),
    };
    vec![
        offer(ShippingMethod::Standard, 499),
        offer(ShippingMethod::Express, 1499),
        offer(ShippingMethod::Pickup, 0),
    ]
}
/// The shop as it is called in most tests.
pub fn shop() -> Shop {
    let terms = ShopTerms {
        name: "Old Paper".to_owned(),
        address: vec!["Ada Books Ltd".to_owned(), "1 Mill Lane, Cambridge".to_owned()],
        vat_id: Some("GB123456789".to_owned()),
        countries: vec!["GB".to_owned(), "FR".to_owned()],
        pages: vec![LegalPage {
            slug: "terms".to_owned(),
            title: "Terms of sale".to_owned(),
            text: "We sell.\n\nYou buy.".to_owned(),
        }],
        ..ShopTerms::default()
    };
    Shop { terms, currency: Currency::USD, version: 1, changed_at: None }
}
pub fn saved_address(at: u128, line1: &str, country: &str) -> SavedAddress {
    let address =
        Address { line1: line1.to_owned(), country: country.to_owned(), ..address("Ada Lovelace") };
    SavedAddress { id: Uuid::from_u128(at).into(), is_default: at == 1, address }
}
pub fn review(title: &str, text: &str) -> Review {
    Review {
        id: Uuid::from_u128(3).into(),
        product: product().id,
        stars: 4,
        title: Some(title.to_owned()),
        text: text.to_owned(),
        name: Some("Mary G.".to_owned()),
        status: ReviewStatus::Published,
        created_at: now(),
    }
}
pub fn facets() -> Facets {
    let count = |slug: &str, name: &str, count| FacetCount {
        slug: slug.to_owned(),
        name: name.to_owned(),
        count,
    };
    let price = |from, to, count| PriceCount { from, to, count };
    Facets {
        categories: vec![count("fiction", "Fiction", 120), count("novels", "Novels", 80)],
        authors: vec![
            count("mary-shelley", "Mary Shelley", 3),
            count("bram-stoker", "Bram Stoker", 2),
        ],
        genres: vec![count("gothic", "Gothic", 7)],
        prices: vec![price(0, Some(1000), 40), price(1000, None, 160)],
        in_stock: 150,
    }
}

pub fn tokens(name: &str) -> Tokens {
    Tokens {
        access_token: name.to_owned(),
        refresh_token: format!("refresh-of-{name}"),
        token_type: "Bearer".to_owned(),
        expires_in: 900,
    }
}

/// A store before it opens.
pub struct Town {
    registry: Registry,
    played: BTreeSet<&'static str>,
    config: Config,
    /// The time of the store.
    pub clock: HandClock,
}

impl Town {
    pub fn new() -> Self {
        let (registry, played) = (Registry::default(), BTreeSet::new());
        Self { registry, played, config: Config::default(), clock: HandClock::default() }
    }
    pub fn configured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }
    /// Has `say` answer `C`, unless somebody does.
    pub fn play<C: Call>(
        mut self,
        say: impl Fn(Caller, C) -> Answer<C> + Send + Sync + 'static,
    ) -> Self {
        if self.played.insert(C::NAME) {
            self.registry.answer::<C>(move |caller, call| {
                let answer = say(caller, call);
                Box::pin(std::future::ready(answer))
            });
        }
        self
    }
    /// Opens it: whatever was not played says something usual.
    pub fn open(self) -> Browser {
        let town = self.usual_goods().usual_people().usual_orders().usual_terms();
        let town = town.usual_counter();
        let sources = Sources::new(Arc::new(town.clock.clone()), Arc::new(Seeded::new(1)));
        let calls = Calls::any("storefront", town.registry);
        let parts = storefront::Parts { calls, sources, config: Arc::new(town.config) };
        let router: Router = storefront::pages(parts);
        Browser::new(router)
    }
    fn usual_goods(self) -> Self {
        self.play::<CategoryTree>(|_, _| {
            let inner = |child: ShelfEntry, parent: u128| ShelfEntry {
                parent: Some(Uuid::from_u128(parent)),
                ..child
            };
            Ok(vec![
                entry(1, "drama", "Drama"),
                entry(2, "fiction", "Fiction"),
                inner(entry(3, "novels", "Novels"), 2),
                inner(entry(4, "ghosts", "Ghost stories"), 3),
            ])
        })
        .play::<GetShelfEntry>(|_, get| {
            let detail = |entry, path, children| Ok(ShelfEntryDetail { entry, path, children });
            let fiction = || entry(2, "fiction", "Fiction");
            match (get.shelf, get.id_or_slug.as_str()) {
                (Shelf::Categories, "fiction") => {
                    detail(fiction(), Vec::new(), vec![entry(3, "novels", "Novels")])
                }
                (Shelf::Categories, "novels" | "romances") => detail(
                    entry(3, "novels", "Novels"),
                    vec![fiction()],
                    vec![entry(4, "ghosts", "Ghost stories")],
                ),
                (Shelf::Authors, "mary-shelley" | "mary-godwin") => {
                    detail(entry(5, "mary-shelley", "Mary Shelley"), Vec::new(), Vec::new())
                }
                (Shelf::Genres, "gothic") => {
                    detail(entry(6, "gothic", "Gothic tales"), Vec::new(), Vec::new())
                }
                _ => Err(CallError::Refused(ShelfRefused::NotFound)),
            }
        })
        .play::<ListReviews>(|_, _| {
            let items = vec![review("A monster of a book", "Read it at night.\nAlone.")];
            Ok(ReviewPage { items, next_cursor: Some("reviews cursor".to_owned()) })
        })
        .play::<BestSellers>(|_, _| Ok(vec![product()]))
        .play::<FindProducts>(|_, find| {
            let (page, per_page) = (find.page, find.per_page);
            let facets = find.facets.then(facets);
            Ok(ProductPage { items: vec![product()], page, per_page, total: 1, facets })
        })
        .play::<GetProduct>(|_, get| {
            let product = product();
            match get.id_or_slug == product.slug || get.id_or_slug == product.id.to_string() {
                true => Ok(product),
                false => Err(CallError::Refused(NoSuchProduct)),
            }
        })
        .play::<PricesOf>(|_, prices| {
            let known = prices.skus.into_iter().filter(|sku| sku.as_str().starts_with("FR-"));
            let priced = known.map(|sku| Priced {
                product: product().id,
                slug: product().slug,
                title: product().title,
                image: None,
                price: usd(999),
                sku,
                categories: Vec::new(),
            });
            Ok(priced.collect())
        })
        .play::<AvailableOf>(|_, of| {
            Ok(of.skus.into_iter().map(|sku| Available { sku, available: 155 }).collect())
        })
        .play::<GetStock>(|_, get| {
            let (on_hand, reserved, available) = (10, 3, 7);
            Ok(StockLevel { sku: get.sku, on_hand, reserved, available, low_stock_at: None })
        })
    }
    fn usual_people(self) -> Self {
        self.play::<CartContents>(|_, call| {
            let quantity = Quantity::new(2).unwrap();
            let lines = vec![ContentsLine { sku: sku("FR-PB"), quantity, shown_price: None }];
            Ok(Contents { cart: None, version: 7, lines, lately: call.lately })
        })
        .play::<GetCart>(|_, _| Ok(cart(vec![line("Frankenstein")])))
        .play::<AddItem>(|_, _| {
            Ok(CartAnswer {
                token: Some("cart-token".to_owned()),
                ..cart(vec![line("Frankenstein")])
            })
        })
        .play::<ChangeItem>(|_, _| Ok(cart(vec![line("Frankenstein")])))
        .play::<RemoveItem>(|_, _| Ok(cart(Vec::new())))
        .play::<LogIn>(|_, log_in| match log_in.password.as_str() {
            "right password" => Ok(tokens("ada")),
            _ => Err(CallError::Refused(contracts::identity::LogInRefused)),
        })
        .play::<Register>(|_, _| Ok(tokens("ada")))
        .play::<LogOut>(|_, _| Ok(()))
        .play::<Refresh>(|_, _| Ok(tokens("ada")))
        .play::<GetMe>(|caller, _| match caller {
            Caller::Account { account, role, .. } => Ok(Me {
                id: account,
                email: "ada@example.com".to_owned(),
                name: "Ada Lovelace".to_owned(),
                email_verified: false,
                role,
                created_at: now(),
            }),
            Caller::Guest | Caller::Store => Err(CallError::Refused(NotLoggedIn)),
        })
        .play::<ListAddresses>(|_, _| Ok(Vec::new()))
        .play::<ListSessions>(|_, _| {
            let session = |at: u128, current, device: &str| OpenSession {
                id: Uuid::from_u128(at).into(),
                current,
                device: Some(device.to_owned()),
                created_at: now(),
                used_at: now(),
            };
            Ok(vec![
                session(2, true, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"),
                session(9, false, "curl/8"),
            ])
        })
        .play::<GetWallet>(|caller, _| match caller.account() {
            Some(_) => Ok(Wallet { balance: usd(12_000) }),
            None => Err(CallError::Refused(NoWallet)),
        })
        .play::<WalletEntries>(|_, _| {
            let entry = |amount, kind: &str| WalletEntry {
                id: Uuid::nil().into(),
                amount: usd(amount),
                kind: kind.to_owned(),
                order: (kind != "top_up").then(order_id),
                at: now(),
            };
            let items = vec![entry(-2497, "purchase"), entry(10_000, "top_up")];
            Ok(WalletEntryPage { items, next_cursor: Some("wallet cursor".to_owned()) })
        })
        .play::<ListNotifications>(|_, _| {
            let note = Notification {
                id: Uuid::nil().into(),
                kind: "receipt".to_owned(),
                title: "Your order 7Q4K-2M9D is paid".to_owned(),
                body: "We received 24.97 USD.".to_owned(),
                order: Some(order_id()),
                at: now(),
            };
            Ok(NotificationPage { items: vec![note], next_cursor: None })
        })
    }
    fn usual_orders(self) -> Self {
        let paid = || order(OrderStatus::Paid, PaymentStatus::Captured);
        self.play::<PaymentMethods>(|_, _| {
            let offered = |method, name: &str| OfferedMethod {
                method,
                name: name.to_owned(),
                needs_account: method == PaymentMethod::Wallet,
                needs_token: method == PaymentMethod::Card,
            };
            Ok(vec![
                offered(PaymentMethod::Wallet, "Wallet"),
                offered(PaymentMethod::Card, "Card"),
                offered(PaymentMethod::BankTransfer, "Bank transfer"),
                offered(PaymentMethod::CashOnDelivery, "Cash on delivery"),
            ])
        })
        .play::<GetOrder>(move |caller, get| match (caller, get.of.token.as_deref()) {
            (Caller::Guest, None) => Err(CallError::Refused(OrderRefused::NotLoggedIn)),
            _ if get.of.order == order_id() => Ok(paid()),
            _ => Err(CallError::Refused(OrderRefused::NotFound)),
        })
        .play::<GetTracking>(|_, _| {
            let step = |status| TrackingStep { status, at: now() };
            let timeline = vec![step(OrderStatus::Pending), step(OrderStatus::Paid)];
            let (status, shipments) = (OrderStatus::Paid, Vec::new());
            Ok(Tracking { status, tracking: None, shipments, timeline })
        })
        .play::<GetReceipt>(move |_, _| Ok(receipt(paid())))
        .play::<ListOrders>(move |_, _| {
            Ok(OrderPage { items: vec![paid()], next_cursor: Some("orders cursor".to_owned()) })
        })
    }
    fn usual_terms(self) -> Self {
        self.play::<GetShop>(|_, _| Ok(shop())).play::<QuoteCart>(|_, quote| {
            match shop().terms.countries.contains(&quote.country) {
                true => Ok(offers()),
                false => {
                    let country = quote.country;
                    Err(CallError::Refused(contracts::orders::QuoteRefused::NotDelivered {
                        country,
                    }))
                }
            }
        })
    }
}

pub fn receipt(order: Order) -> Receipt {
    let seller = Seller {
        name: "Old Paper".to_owned(),
        address: vec!["Ada Books Ltd".to_owned()],
        vat_id: Some("GB123456789".to_owned()),
    };
    Receipt { number: "2026-000042".to_owned(), seller, paid_at: now(), refunded: usd(0), order }
}
