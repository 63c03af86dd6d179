-- One row an order: which of its payments is the present one, and whether no more may be
-- captured. It may come before the order itself is heard of (closed, not placed).
CREATE TABLE bills (
    order_id {id} NOT NULL PRIMARY KEY,
    present {id},
    placed {bool} NOT NULL,
    closed {bool} NOT NULL,
    kept {int} NOT NULL
) {by_key};
-- `promised` is what was given back or is on its way back; `refunded` is what arrived.
CREATE TABLE payments (
    id {id} NOT NULL PRIMARY KEY,
    order_id {id} NOT NULL,
    account_id {id},
    method {key} NOT NULL,
    amount {int} NOT NULL,
    currency {key} NOT NULL,
    status {key} NOT NULL,
    failure_code {text},
    captured {int} NOT NULL,
    promised {int} NOT NULL,
    refunded {int} NOT NULL,
    charge {id},
    continued {bool} NOT NULL,
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    CHECK (0 <= refunded AND refunded <= promised AND promised <= captured),
    CHECK (captured = 0 OR captured = amount)
) {by_key};
CREATE INDEX payments_order ON payments (order_id);
CREATE TABLE refunds (
    id {id} NOT NULL PRIMARY KEY,
    payment_id {id} NOT NULL,
    amount {int} NOT NULL,
    currency {key} NOT NULL,
    reason {text} NOT NULL,
    status {key} NOT NULL,
    created_at {int} NOT NULL,
    CHECK (amount > 0)
);
CREATE INDEX refunds_payment ON refunds (payment_id);
CREATE TABLE top_ups (
    id {id} NOT NULL PRIMARY KEY,
    account_id {id} NOT NULL,
    amount {int} NOT NULL,
    currency {key} NOT NULL,
    status {key} NOT NULL,
    failure_code {text},
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    CHECK (amount > 0)
);
-- What the provider is asked for. The id is the provider's idempotency key; the row is
-- committed before the provider is asked, and leased to whoever asks.
CREATE TABLE attempts (
    id {id} NOT NULL PRIMARY KEY,
    step {key} NOT NULL,
    state {key} NOT NULL,
    payment_id {id},
    top_up_id {id},
    refund_id {id},
    charge {id},
    amount {int} NOT NULL,
    currency {key} NOT NULL,
    token {text},
    tries {int} NOT NULL,
    leased_until {int} NOT NULL,
    next_at {int} NOT NULL,
    created_at {int} NOT NULL
) {by_key};
CREATE INDEX attempts_due ON attempts (state, next_at);
-- What an account holds: the sum of the entries of its book.
CREATE TABLE wallets (
    account_id {id} NOT NULL PRIMARY KEY,
    book {key} NOT NULL,
    balance {int} NOT NULL,
    currency {key} NOT NULL,
    version {int} NOT NULL,
    CHECK (balance >= 0)
) {by_key};
-- Double entry: a movement has two rows here, and they sum to zero. `place` orders the entries
-- of a wallet: it is the wallet's version that the entry made.
CREATE TABLE ledger_entries (
    id {id} NOT NULL PRIMARY KEY,
    movement {id} NOT NULL,
    account {key} NOT NULL,
    place {int} NOT NULL,
    amount {int} NOT NULL,
    currency {key} NOT NULL,
    kind {key} NOT NULL,
    order_id {id},
    at {int} NOT NULL,
    CHECK (amount <> 0)
) {by_key};
CREATE INDEX ledger_entries_account ON ledger_entries (account, place, id);
-- The sandbox provider's own book. Payments never reads it but by asking the sandbox.
CREATE TABLE sandbox_charges (
    id {id} NOT NULL PRIMARY KEY,
    kind {key} NOT NULL,
    charge {id},
    amount {int} NOT NULL,
    refunded {int} NOT NULL,
    currency {key} NOT NULL,
    token {text},
    state {key} NOT NULL,
    code {text},
    settles_at {int} NOT NULL,
    at {int} NOT NULL,
    CHECK (0 <= refunded AND refunded <= amount)
) {by_key};
