-- What shoppers mean to buy. A guest's cart has a token (its SHA-256), an account's cart the
-- account. One that was merged has neither: it says where its lines went, for orders that were
-- placed from it.
CREATE TABLE carts (
    id {id} NOT NULL PRIMARY KEY,
    account_id {id},
    token_hash {bytes},
    merged_into {id},
    version {int} NOT NULL,
    updated_at {int} NOT NULL
) {by_key};
CREATE UNIQUE INDEX carts_account ON carts (account_id);
CREATE UNIQUE INDEX carts_token ON carts (token_hash);
-- One line a SKU. `shown_price` is what the shopper saw last.
CREATE TABLE cart_lines (
    cart_id {id} NOT NULL,
    sku {key} NOT NULL,
    quantity {int} NOT NULL CHECK (quantity > 0 AND quantity < 10000),
    position {int} NOT NULL,
    shown_price {int},
    shown_currency {key},
    PRIMARY KEY (cart_id, sku)
) {by_key};
-- Orders whose quantities left their cart.
CREATE TABLE taken_orders (
    order_id {id} NOT NULL PRIMARY KEY
) {by_key};
