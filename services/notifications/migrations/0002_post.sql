-- What the event told that only the letter needs, as JSON: parcel, link, refund, stock.
ALTER TABLE letters ADD COLUMN facts {text};
-- Erasing an account finds its letters, and those about its orders.
CREATE INDEX letters_account ON letters (account);
CREATE INDEX letters_order_id ON letters (order_id);
-- The recipient in small letters, as staff look for it and as it fits into an index.
ALTER TABLE mails ADD COLUMN address {key};
UPDATE mails SET address = LOWER(recipient) WHERE LENGTH(recipient) <= 254;
-- When the mail server is to be tried; none: it has the mail, or refused it, or there is none.
ALTER TABLE mails ADD COLUMN next_at {int};
-- How often the mail server was tried. Fences a worker whose claim another took over.
ALTER TABLE mails ADD COLUMN attempts {int} NOT NULL DEFAULT 0;
-- What the mail server said last, when it said no.
ALTER TABLE mails ADD COLUMN error {text};
-- Since when the mail waits for the mail server: two days, and it failed.
ALTER TABLE mails ADD COLUMN queued_at {int};
ALTER TABLE mails ADD COLUMN sent_at {int};
-- The secret of the link in the mail, until the mail server has it; it stands in the text, too.
ALTER TABLE mails ADD COLUMN secret {text};
-- When the link that the mail is about expires; none where it is about something else.
ALTER TABLE mails ADD COLUMN expires_at {int};
CREATE INDEX mails_address ON mails (address, created_at, id);
CREATE INDEX mails_state ON mails (state, created_at, id);
CREATE INDEX mails_next_at ON mails (next_at, id);
-- When the notification was written: later than what it tells. For live streams.
ALTER TABLE notifications ADD COLUMN written_at {int};
UPDATE notifications SET written_at = told_at;
CREATE INDEX notifications_written_at ON notifications (account, written_at, id);
-- What staff is still to be told of in the next digest.
CREATE TABLE low_stock (
    sku {key} NOT NULL PRIMARY KEY,
    available {int} NOT NULL,
    threshold {int} NOT NULL,
    told_at {int} NOT NULL
);
-- When the last digest of a kind was written; the row is what its writers lock.
CREATE TABLE digests (
    kind {key} NOT NULL PRIMARY KEY,
    last_at {int} NOT NULL
);
INSERT INTO digests (kind, last_at) VALUES ('low_stock', 0);
-- Accounts whose address was shown to be their own: letters to it are theirs, an order of a
-- guest's too.
CREATE TABLE verified (
    account {id} NOT NULL PRIMARY KEY
);
