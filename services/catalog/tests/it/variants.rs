//! A product whose variants are replaced.
use crate::products::change;
use crate::*;
use contracts::ProductId;
use contracts::catalog::{GetProduct, ProductChanged, UpdateProduct, Variant};
use contracts::inventory::AvailabilityChanged;

fn variant(text: &str, size: &str, price: i64) -> NewVariant {
    let options = if size.is_empty() {
        BTreeMap::new()
    } else {
        BTreeMap::from([("size".to_owned(), size.to_owned())])
    };
    NewVariant { sku: sku(text), options, price: usd(price) }
}

fn skus(product: &Product) -> Vec<&str> {
    product.variants.iter().map(|variant| variant.sku.as_str()).collect()
}

impl Shop {
    async fn replace(
        &self,
        product: ProductId,
        variants: Vec<NewVariant>,
    ) -> Result<Product, CallError<ProductRefused>> {
        let update = UpdateProduct { variants: Some(variants), ..change(product) };
        self.rig.call(&admin(), update).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variants_are_added_changed_ordered_withdrawn_and_sold_again() {
    let shop = Shop::open().await;
    let mut shirt = book("Shirt", "SHIRT-S", 1500);
    shirt.variants = vec![variant("SHIRT-S", "S", 1500), variant("SHIRT-M", "M", 1600)];
    let shirt = shop.list(shirt).await;
    shop.rig.settled().await;
    let told = shop.rig.listen::<ProductChanged>();
    let changed = shop
        .replace(
            shirt.id,
            vec![
                variant("SHIRT-XL", "XL", 1900),
                variant("SHIRT-M", "medium", 1200),
                variant("SHIRT-L", "L", 1700),
            ],
        )
        .await
        .unwrap();
    assert_eq!(skus(&changed), ["SHIRT-XL", "SHIRT-M", "SHIRT-L"]);
    assert_eq!((changed.sku.as_str(), changed.price), ("SHIRT-XL", usd(1900)));
    let medium: &Variant = &changed.variants[1];
    assert_eq!((medium.options["size"].as_str(), medium.price), ("medium", usd(1200)));
    let priced = shop.prices(&["SHIRT-S", "SHIRT-M", "SHIRT-L", "SHIRT-XL"]).await;
    let priced: Vec<_> = priced.iter().map(|p| (p.sku.as_str(), p.price.minor)).collect();
    assert_eq!(priced, [("SHIRT-L", 1700), ("SHIRT-M", 1200), ("SHIRT-XL", 1900)]);
    shop.rig.settled().await;
    let told: Vec<Sku> = told.lock()[0].skus.clone();
    assert_eq!(told, ["SHIRT-L", "SHIRT-M", "SHIRT-S", "SHIRT-XL"].map(sku), "the old one too");
    for _ in 0..4 {
        let shown = GetProduct { id_or_slug: "shirt".into() };
        assert_eq!(shop.rig.call(&Caller::Guest, shown).await.unwrap(), changed);
    }
    let by_price = FindProducts { max_price: Some(1200), ..Default::default() };
    assert_eq!(shop.find(by_price).await, ["Shirt"], "the cheapest of now");
    shop.indexed().await;
    assert_eq!(shop.search("shirt-xl").await, ["Shirt"]);
    // A SKU stays with its product, also while it is not sold.
    let answer = shop.try_list(book("Other", "SHIRT-S", 1)).await;
    let taken = ProductRefused::SkuTaken { sku: sku("SHIRT-S") };
    assert_eq!(answer.unwrap_err(), CallError::Refused(taken.clone()));
    let other = shop.list(book("Other", "OTHER", 1)).await;
    for (text, held) in [("SHIRT-S", "SHIRT-S"), ("SHIRT-L", "SHIRT-L")] {
        let answer = shop.replace(other.id, vec![variant("OTHER", "", 1), variant(text, "", 1)]);
        let taken = ProductRefused::SkuTaken { sku: sku(held) };
        assert_eq!(answer.await.unwrap_err(), CallError::Refused(taken));
    }
    let again = shop.replace(shirt.id, vec![variant("SHIRT-S", "S", 10)]).await.unwrap();
    assert_eq!((skus(&again), again.price), (vec!["SHIRT-S"], usd(10)));
    assert_eq!(shop.prices(&["SHIRT-S", "SHIRT-M"]).await.len(), 1);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_is_in_stock_while_a_variant_that_is_sold_is() {
    let shop = Shop::open().await;
    let shirt = shop.list(book("Shirt", "SHIRT-S", 1500)).await;
    for (text, in_stock) in [("SHIRT-S", true), ("SHIRT-M", false), ("SHIRT-L", true)] {
        shop.rig.tell(AvailabilityChanged { sku: sku(text), in_stock }).await;
    }
    let in_stock = async || {
        let find = FindProducts { in_stock: Some(true), ..Default::default() };
        shop.find(find).await.len()
    };
    assert_eq!(in_stock().await, 1);
    shop.replace(shirt.id, vec![variant("SHIRT-M", "", 1500)]).await.unwrap();
    assert_eq!(in_stock().await, 0, "what is left is sold out");
    let both = vec![variant("SHIRT-M", "", 1500), variant("SHIRT-L", "", 1500)];
    shop.replace(shirt.id, both).await.unwrap();
    assert_eq!(in_stock().await, 1);
    shop.rig.tell(AvailabilityChanged { sku: sku("SHIRT-L"), in_stock: false }).await;
    if shop.rig.nodes.len() > 1 {
        // The replica that did not hear it may be a second behind.
        shop.rig.clock.forward(std::time::Duration::from_secs(1));
    }
    assert_eq!(in_stock().await, 0, "the one that is sold no more does not count");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variants_that_cannot_be_are_refused_and_nothing_changes() {
    let shop = Shop::open().await;
    let shirt = shop.list(book("Shirt", "SHIRT-S", 1500)).await;
    let many = (0..101).map(|n| variant(&format!("S-{n}"), "", 1)).collect();
    for (variants, field) in [
        (vec![], "variants"),
        (many, "variants"),
        (vec![variant("A", "", 1), variant("A", "", 2)], "variants[1].sku"),
        (vec![variant("A", "", -1)], "variants[0].price.amount"),
        (
            vec![NewVariant { price: Money::new(1, Currency::EUR), ..variant("A", "", 1) }],
            "variants[0].price.currency",
        ),
        (vec![variant("A", &"x".repeat(101), 1)], "variants[0].options"),
    ] {
        let refused = shop.replace(shirt.id, variants).await.unwrap_err().refused();
        assert!(
            matches!(&refused, Some(ProductRefused::Invalid { field: f, .. }) if f == field),
            "{refused:?}"
        );
    }
    let both = UpdateProduct {
        variants: Some(vec![variant("SHIRT-S", "", 1)]),
        prices: BTreeMap::from([(sku("SHIRT-S"), usd(2))]),
        ..change(shirt.id)
    };
    let refused = refused(shop.rig.call(&admin(), both.clone()).await, &both);
    assert!(matches!(refused, ProductRefused::Invalid { field, .. } if field == "prices"));
    let shown = GetProduct { id_or_slug: "shirt".into() };
    assert_eq!(shop.rig.call(&Caller::Guest, shown).await.unwrap(), shirt);
    shop.rig.stop().await;
}
