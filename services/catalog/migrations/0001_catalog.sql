-- What is sold. `change_number` is where the product stands in the order of all changes
-- (see `change_log`); `title_key`, `min_price` and `in_stock` are kept for lists and filters.
CREATE TABLE products (
    id {id} NOT NULL PRIMARY KEY,
    slug {key} NOT NULL,
    title {text} NOT NULL,
    title_key {key} NOT NULL,
    description {text} NOT NULL,
    images {text} NOT NULL,
    attributes {text} NOT NULL,
    min_price {int} NOT NULL CHECK (min_price >= 0),
    in_stock {bool} NOT NULL,
    rating_hundredths {int},
    created_at {int} NOT NULL,
    withdrawn_at {int},
    version {int} NOT NULL,
    change_number {int} NOT NULL
);
CREATE UNIQUE INDEX products_slug ON products (slug);
CREATE INDEX products_change ON products (change_number);
CREATE INDEX products_title ON products (title_key, id);
CREATE INDEX products_price ON products (min_price, id);
CREATE INDEX products_created ON products (created_at, id);
-- The forms in which a product is sold. A SKU belongs to one product for ever.
CREATE TABLE variants (
    sku {key} NOT NULL PRIMARY KEY,
    product_id {id} NOT NULL,
    position {int} NOT NULL,
    options {text} NOT NULL,
    price {int} NOT NULL CHECK (price >= 0),
    currency {key} NOT NULL
);
CREATE INDEX variants_product ON variants (product_id, position);
-- What inventory last said of a SKU, also of one that is listed later.
CREATE TABLE availability (
    sku {key} NOT NULL PRIMARY KEY,
    in_stock {bool} NOT NULL
) {by_key};
-- Authors, genres and categories. `name_key` is the name without capitals: names that differ
-- by nothing else are one.
CREATE TABLE names (
    id {id} NOT NULL PRIMARY KEY,
    shelf {key} NOT NULL,
    slug {key} NOT NULL,
    name {text} NOT NULL,
    name_key {key} NOT NULL
);
CREATE UNIQUE INDEX names_slug ON names (shelf, slug);
CREATE UNIQUE INDEX names_key ON names (shelf, name_key);
CREATE TABLE product_names (
    product_id {id} NOT NULL,
    name_id {id} NOT NULL,
    position {int} NOT NULL,
    PRIMARY KEY (product_id, name_id)
) {by_key};
CREATE INDEX product_names_name ON product_names (name_id, product_id);
-- Units sold in paid orders: apart from `products`, for every sale changes one. `stale`: the
-- search index has an older score.
CREATE TABLE scores (
    product_id {id} NOT NULL PRIMARY KEY,
    score {int} NOT NULL,
    stale {bool} NOT NULL
) {by_key};
CREATE INDEX scores_score ON scores (score, product_id);
CREATE INDEX scores_stale ON scores (stale);
-- Orders whose units are in the scores (true), or were taken out of them again (false).
CREATE TABLE counted_orders (
    order_id {id} NOT NULL PRIMARY KEY,
    counted {bool} NOT NULL
) {by_key};
-- One row: the number of the last change of a product. It is raised last in a transaction and
-- its row stays locked until the commit, so that numbers are committed in their order and an
-- index that has seen one has seen all before it. `epoch` names this database.
CREATE TABLE change_log (
    id {int} NOT NULL PRIMARY KEY,
    epoch {key} NOT NULL,
    last {int} NOT NULL
);
INSERT INTO change_log (id, epoch, last) VALUES (1, '', 0);
