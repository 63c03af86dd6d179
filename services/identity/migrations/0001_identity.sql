-- Who registered. The address is normalised before it comes here.
CREATE TABLE accounts (
    id {id} NOT NULL PRIMARY KEY,
    email {key} NOT NULL,
    name {text} NOT NULL,
    password_hash {text} NOT NULL,
    role {key} NOT NULL,
    created_at {int} NOT NULL,
    version {int} NOT NULL
);
CREATE UNIQUE INDEX accounts_email ON accounts (email);
-- Logins. Of refresh tokens only SHA-256 is kept: of the part that every token of the session
-- has, and of the one token that may still be used.
CREATE TABLE sessions (
    id {id} NOT NULL PRIMARY KEY,
    account {id} NOT NULL,
    family_hash {bytes} NOT NULL,
    refresh_hash {bytes} NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    tokens_expire_at {int} NOT NULL,
    ended_at {int},
    version {int} NOT NULL
);
CREATE INDEX sessions_account ON sessions (account);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_tokens_expire_at ON sessions (tokens_expire_at);
-- Ed25519 keys that sign access tokens, sealed by the store's master key where it has one.
CREATE TABLE signing_keys (
    kid {key} NOT NULL PRIMARY KEY,
    secret {bytes} NOT NULL,
    sealed {bool} NOT NULL,
    created_at {int} NOT NULL
);
-- One row to lock, so that replicas that start together make one key.
CREATE TABLE key_locks (
    id {int} NOT NULL PRIMARY KEY
);
INSERT INTO key_locks (id) VALUES (1);
