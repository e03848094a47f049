-- Schema 3. Bearer tokens of people and of their agents.
-- This file is released: change nothing in it, append a migration instead.

CREATE TABLE token (
    id         TEXT PRIMARY KEY,
    body       TEXT    NOT NULL,          -- JSON: what it grants, and to whom
    hash       BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the secret
    seal       TEXT    NOT NULL,          -- the server's signature over both
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
