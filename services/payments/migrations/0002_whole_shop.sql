-- The number of the receipt: from 1, and none left out. Only money that stays has one.
ALTER TABLE payments ADD COLUMN receipt {int};
CREATE UNIQUE INDEX payments_receipt ON payments (receipt);
-- The last number that was given.
CREATE TABLE counters (
    name {key} NOT NULL PRIMARY KEY,
    last {int} NOT NULL
);
INSERT INTO counters (name, last) VALUES ('receipts', 0);
ALTER TABLE refunds ADD COLUMN restock {bool} NOT NULL DEFAULT FALSE;
-- Which staff asked for it; none where the store did by itself.
ALTER TABLE refunds ADD COLUMN staff_id {id};
-- Why the provider declined it, the last time.
ALTER TABLE refunds ADD COLUMN failure_code {text};
-- What was not done by a provider: a transfer that staff saw arrive, cash that the carrier took,
-- a refund that staff gave back by hand. `subject_id` is the payment or the refund.
CREATE TABLE confirmations (
    id {id} NOT NULL PRIMARY KEY,
    subject_id {id} NOT NULL,
    payment_id {id} NOT NULL,
    staff_id {id},
    kind {key} NOT NULL,
    amount {int} NOT NULL,
    currency {key} NOT NULL,
    at {int} NOT NULL,
    CHECK (amount > 0)
);
CREATE UNIQUE INDEX confirmations_subject ON confirmations (subject_id);
CREATE INDEX confirmations_payment ON confirmations (payment_id);
-- What providers told us, so that each message has one effect.
CREATE TABLE webhooks (
    provider {key} NOT NULL,
    id {key} NOT NULL,
    kind {key} NOT NULL,
    attempt_id {id} NOT NULL,
    received_at {int} NOT NULL,
    PRIMARY KEY (provider, id)
);
CREATE INDEX webhooks_received ON webhooks (received_at);
-- The log of transactions is read from these, newest first.
CREATE INDEX payments_created ON payments (created_at, id);
CREATE INDEX refunds_created ON refunds (created_at, id);
CREATE INDEX top_ups_created ON top_ups (created_at, id);
CREATE INDEX confirmations_at ON confirmations (at, id);
