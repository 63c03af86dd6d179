-- Accounts: an address that was shown to be one's own, and people who may not log in.
ALTER TABLE accounts ADD COLUMN email_verified_at {int};
ALTER TABLE accounts ADD COLUMN disabled {bool} NOT NULL DEFAULT FALSE;
CREATE INDEX accounts_created_at ON accounts (created_at, id);
CREATE INDEX accounts_role ON accounts (role);
-- Sessions: what was used to log in, and when it was used last.
ALTER TABLE sessions ADD COLUMN device {text};
ALTER TABLE sessions ADD COLUMN used_at {int};
-- Links that are sent by mail and work once. Their secrets are not here: they are reckoned from
-- the row by the signing key kid.
CREATE TABLE links (
    id {id} NOT NULL PRIMARY KEY,
    account {id} NOT NULL,
    purpose {key} NOT NULL,
    kid {key} NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    used_at {int}
);
CREATE INDEX links_account ON links (account);
CREATE INDEX links_expires_at ON links (expires_at);
-- Addresses for which a forgotten password was told, known or not: a worker looks whose they are.
CREATE TABLE forgotten (
    id {id} NOT NULL PRIMARY KEY,
    email {key} NOT NULL
);
-- Postal addresses that accounts keep.
CREATE TABLE addresses (
    id {id} NOT NULL PRIMARY KEY,
    account {id} NOT NULL,
    is_default {bool} NOT NULL,
    name {text} NOT NULL,
    line1 {text} NOT NULL,
    line2 {text},
    city {text} NOT NULL,
    postal_code {text} NOT NULL,
    country {text} NOT NULL,
    phone {text},
    created_at {int} NOT NULL
);
CREATE INDEX addresses_account ON addresses (account);
