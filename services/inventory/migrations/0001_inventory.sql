-- What is on the shelf, and what of it is promised to orders. The version counts the changes.
CREATE TABLE stock (
    sku {key} NOT NULL PRIMARY KEY,
    on_hand {int} NOT NULL,
    reserved {int} NOT NULL,
    version {int} NOT NULL,
    CONSTRAINT stock_on_hand CHECK (on_hand >= 0),
    CONSTRAINT stock_reserved CHECK (reserved >= 0),
    CONSTRAINT stock_promised CHECK (reserved <= on_hand)
) {by_key};
-- What is held, or was, for each order: one row, so that the hot path writes few. `lines` is a
-- JSON object of pieces by SKU. `ask_at`: when orders is to be asked whether the order exists;
-- null once it is known, or once nothing is held.
CREATE TABLE holds (
    order_id {id} NOT NULL PRIMARY KEY,
    state {key} NOT NULL,
    lines {text} NOT NULL,
    ask_at {int},
    created_at {int} NOT NULL,
    CONSTRAINT holds_state CHECK (state IN ('held', 'taken', 'released', 'returned', 'missing'))
) {by_key};
CREATE INDEX holds_ask_at ON holds (ask_at);
-- The history of what is on the shelf. `version` is that of the stock that the change made.
CREATE TABLE adjustments (
    id {id} NOT NULL PRIMARY KEY,
    sku {key} NOT NULL,
    version {int} NOT NULL,
    delta {int} NOT NULL,
    reason {text} NOT NULL,
    order_id {id},
    account {id},
    at {int} NOT NULL
) {by_key};
CREATE UNIQUE INDEX adjustments_sku ON adjustments (sku, version);
