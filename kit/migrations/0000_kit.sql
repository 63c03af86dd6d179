-- News that still has to reach those who hear it. On `memory:` this is the log.
CREATE TABLE outbox (
    id {id} NOT NULL PRIMARY KEY,
    name {key} NOT NULL,
    subject {key} NOT NULL,
    version {int} NOT NULL,
    part {int} NOT NULL,
    body {text} NOT NULL,
    traceparent {text},
    created_at {int} NOT NULL
) {by_key};
-- Messages that were heard, so that a second delivery does nothing.
CREATE TABLE inbox (
    id {id} NOT NULL PRIMARY KEY,
    heard_at {int} NOT NULL
) {by_key};
CREATE INDEX inbox_heard_at ON inbox (heard_at);
-- Messages that could not be handled, and those behind them for the same aggregate.
CREATE TABLE parked (
    id {id} NOT NULL PRIMARY KEY,
    name {key} NOT NULL,
    source {key} NOT NULL,
    subject {key} NOT NULL,
    version {int} NOT NULL,
    part {int} NOT NULL,
    body {text} NOT NULL,
    traceparent {text},
    created_at {int} NOT NULL,
    parked_at {int} NOT NULL,
    error {text} NOT NULL
);
CREATE INDEX parked_subject ON parked (subject);
-- Who does what only one replica may do, until when. The fence rises with every new holder.
CREATE TABLE leases (
    name {key} NOT NULL PRIMARY KEY,
    holder {id} NOT NULL,
    fence {int} NOT NULL,
    until {int} NOT NULL
);
-- Requests with an Idempotency-Key, named by the SHA-256 of scope and key. No answer: still
-- running, under a lease.
CREATE TABLE idempotency (
    request {bytes} NOT NULL PRIMARY KEY,
    body_hash {bytes} NOT NULL,
    resource {id} NOT NULL,
    answer {text},
    leased_until {int} NOT NULL,
    created_at {int} NOT NULL
);
CREATE INDEX idempotency_created_at ON idempotency (created_at);
CREATE INDEX idempotency_resource ON idempotency (resource);
