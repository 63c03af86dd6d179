-- An order is one row: its lines, address and timeline are read and written with it, never
-- alone, and a checkout writes as few rows as can be.
CREATE TABLE orders (
    id {id} NOT NULL PRIMARY KEY,
    number {key} NOT NULL,
    account {id},
    email {text},
    cart_id {id} NOT NULL,
    cart_version {int} NOT NULL,
    status {key} NOT NULL,
    payment {id} NOT NULL,
    payment_status {key} NOT NULL,
    method {key} NOT NULL,
    failure_code {text},
    next_payment {id},
    next_method {key},
    currency {key} NOT NULL,
    subtotal {int} NOT NULL,
    shipping {int} NOT NULL,
    tax {int} NOT NULL,
    discount {int} NOT NULL,
    total {int} NOT NULL,
    refunded {int} NOT NULL,
    items {text} NOT NULL,
    shipping_method {key} NOT NULL,
    shipping_address {text} NOT NULL,
    tracking {text},
    cancel_reason {key},
    expires_at {int},
    steps {text} NOT NULL,
    created_at {int} NOT NULL,
    version {int} NOT NULL,
    CHECK (subtotal >= 0 AND shipping >= 0 AND tax >= 0 AND discount >= 0 AND total >= 0),
    CHECK (total = subtotal + shipping + tax - discount),
    CHECK (refunded >= 0 AND refunded <= total),
    CHECK (status = 'pending' OR expires_at IS NULL),
    CHECK ((status = 'cancelled') = (cancel_reason IS NOT NULL))
);
CREATE UNIQUE INDEX orders_number ON orders (number);
-- A shopper's orders, newest first: ids are UUIDv7.
CREATE INDEX orders_account ON orders (account, id);
-- What nobody paid in time.
CREATE INDEX orders_expiry ON orders (status, expires_at);
-- One version of a cart has at most one live order; the row goes when that is cancelled.
CREATE TABLE ordered_carts (
    cart_id {id} NOT NULL,
    cart_version {int} NOT NULL,
    order_id {id} NOT NULL,
    PRIMARY KEY (cart_id, cart_version)
) {by_key};
-- What the service keeps for itself: the secret that order tokens are derived from.
CREATE TABLE settings (
    name {key} NOT NULL PRIMARY KEY,
    value {bytes} NOT NULL
);
