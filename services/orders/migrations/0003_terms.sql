-- The shop's terms, a row each version, so that a receipt shows what the shop was called when it
-- was paid. No row until staff changes anything; version 0 is kept beside the first change.
CREATE TABLE shop_terms (
    version {int} NOT NULL PRIMARY KEY,
    terms {text} NOT NULL,
    changed_at {int} NOT NULL,
    changed_by {id}
);
-- Accounts whose address was shown to be their own, until their guest orders have joined them.
CREATE TABLE guest_joins (
    account {id} NOT NULL PRIMARY KEY,
    asked_at {int} NOT NULL
);
-- The tax that prices include, and the tax by rate as JSON (none where none is due).
ALTER TABLE orders ADD COLUMN tax_included {int} NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN tax_lines {text};
-- A guest's e-mail address in small letters: what orders are found by.
ALTER TABLE orders ADD COLUMN email_key {key};
UPDATE orders SET email_key = LOWER(email) WHERE email IS NOT NULL;
-- Ids are UUIDv7: lists go by them, newest first.
CREATE INDEX orders_email ON orders (email_key, id);
CREATE INDEX orders_status ON orders (status, id);
CREATE INDEX orders_method ON orders (method, id);
