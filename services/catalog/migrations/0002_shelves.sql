-- Categories are a tree. `parent_id`: what this category is part of. `number`: a small number for
-- the search index, given once and never again. `version` rises with every change. A name that is
-- deleted stands on the shelf `gone` until the last product has let go of it.
ALTER TABLE names ADD COLUMN parent_id {id};
ALTER TABLE names ADD COLUMN number {int};
ALTER TABLE names ADD COLUMN version {int} NOT NULL DEFAULT 1;
CREATE INDEX names_parent ON names (parent_id);
CREATE UNIQUE INDEX names_number ON names (number);
-- The number that was given last.
ALTER TABLE change_log ADD COLUMN last_name {int} NOT NULL DEFAULT 0;
-- All categories that a category is part of, however far up; itself is not among them.
CREATE TABLE category_above (
    category_id {id} NOT NULL,
    above_id {id} NOT NULL,
    PRIMARY KEY (category_id, above_id)
);
CREATE INDEX category_above_above ON category_above (above_id, category_id);
-- Names in addresses that were changed: they lead to their owner for ever. `kind` is a shelf, or
-- `products`.
CREATE TABLE old_slugs (
    kind {key} NOT NULL,
    slug {key} NOT NULL,
    owner_id {id} NOT NULL,
    PRIMARY KEY (kind, slug)
);
CREATE INDEX old_slugs_owner ON old_slugs (owner_id);
-- Names whose products the search index has yet to learn anew; `after_id` is the last product
-- that was told to it.
CREATE TABLE touched_names (
    name_id {id} NOT NULL PRIMARY KEY,
    after_id {id}
);
