-- What is to be written to somebody, under the id of the event that asked for it. One letter
-- of a kind about the same order (or account). No next_at: done.
CREATE TABLE letters (
    id {id} NOT NULL PRIMARY KEY,
    kind {key} NOT NULL,
    about {id} NOT NULL,
    order_id {id},
    account {id},
    reason {key},
    was_paid {bool} NOT NULL,
    told_at {int} NOT NULL,
    state {key} NOT NULL,
    next_at {int},
    tries {int} NOT NULL,
    dropped_because {text}
);
CREATE UNIQUE INDEX letters_about ON letters (about, kind);
CREATE INDEX letters_next_at ON letters (next_at, id);
-- Mails as they were written, under their letter's id. In `outbox:` mode this is the mailbox.
CREATE TABLE mails (
    id {id} NOT NULL PRIMARY KEY,
    kind {key} NOT NULL,
    order_id {id},
    account {id},
    message_id {key} NOT NULL,
    recipient {text} NOT NULL,
    subject {text} NOT NULL,
    plain {text} NOT NULL,
    html {text} NOT NULL,
    state {key} NOT NULL,
    created_at {int} NOT NULL
);
CREATE INDEX mails_created_at ON mails (created_at, id);
-- What a person sees in the shop, under the letter's id.
CREATE TABLE notifications (
    id {id} NOT NULL PRIMARY KEY,
    account {id} NOT NULL,
    kind {key} NOT NULL,
    title {text} NOT NULL,
    body {text} NOT NULL,
    order_id {id},
    told_at {int} NOT NULL
);
CREATE INDEX notifications_account ON notifications (account, told_at, id);
