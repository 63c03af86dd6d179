-- What buyers say. `account_id` and `name` are null once the account is erased. The unique index
-- has an account say it once.
CREATE TABLE reviews (
    id {id} NOT NULL PRIMARY KEY,
    product_id {id} NOT NULL,
    account_id {id},
    stars {int} NOT NULL CHECK (stars BETWEEN 1 AND 5),
    title {text},
    body {text} NOT NULL,
    name {text},
    status {key} NOT NULL,
    created_at {int} NOT NULL
);
CREATE UNIQUE INDEX reviews_once ON reviews (account_id, product_id);
CREATE INDEX reviews_product ON reviews (product_id, status, id);
CREATE INDEX reviews_status ON reviews (status, id);
-- Accounts that are gone: a review that was on its way when they went is not written any more.
CREATE TABLE erased_accounts (
    account_id {id} NOT NULL PRIMARY KEY
);
-- How many gave 1 to 5 stars, for products that have any: in published reviews here, and
-- elsewhere, as an import said.
CREATE TABLE ratings (
    product_id {id} NOT NULL PRIMARY KEY,
    published_1 {int} NOT NULL CHECK (published_1 >= 0),
    published_2 {int} NOT NULL CHECK (published_2 >= 0),
    published_3 {int} NOT NULL CHECK (published_3 >= 0),
    published_4 {int} NOT NULL CHECK (published_4 >= 0),
    published_5 {int} NOT NULL CHECK (published_5 >= 0),
    imported_1 {int} NOT NULL CHECK (imported_1 >= 0),
    imported_2 {int} NOT NULL CHECK (imported_2 >= 0),
    imported_3 {int} NOT NULL CHECK (imported_3 >= 0),
    imported_4 {int} NOT NULL CHECK (imported_4 >= 0),
    imported_5 {int} NOT NULL CHECK (imported_5 >= 0)
);
-- All stars of `ratings`, beside the mean that the first migration made room for.
ALTER TABLE products ADD COLUMN rating_count {int} NOT NULL DEFAULT 0;
-- A variant that is sold no more keeps its SKU for its product.
ALTER TABLE variants ADD COLUMN withdrawn_at {int};
