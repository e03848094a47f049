-- Schema 1. Instants are integer milliseconds since the Unix epoch, UTC.
-- This file is released: change nothing in it, append a migration instead.

PRAGMA application_id = 0x646F7263;

CREATE TABLE deployment (
    number          INTEGER PRIMARY KEY,  -- the order of creation
    id              TEXT    NOT NULL UNIQUE,
    version         INTEGER NOT NULL CHECK (version >= 1),
    state           TEXT    NOT NULL,     -- its wire name
    active          INTEGER NOT NULL CHECK (active IN (0, 1)),
    repository      TEXT    NOT NULL,
    service         TEXT    NOT NULL,
    environment     TEXT,                 -- the target
    idempotency_key TEXT,
    created_at      INTEGER NOT NULL,
    due_at          INTEGER CHECK (due_at IS NULL OR active = 1),
    progress        TEXT    NOT NULL      -- JSON, rewritten with every event
) STRICT;

-- Apart from the row, because an event writes every page of the row anew.
CREATE TABLE spec (
    deployment INTEGER PRIMARY KEY REFERENCES deployment (number),
    spec       TEXT    NOT NULL           -- JSON, written once
) STRICT;

CREATE UNIQUE INDEX deployment_key ON deployment (idempotency_key) WHERE idempotency_key IS NOT NULL;
-- An event writes to one of these two: each page that a commit touches costs as much as its statement.
CREATE INDEX deployment_active ON deployment (due_at) WHERE active = 1;
CREATE INDEX deployment_ended ON deployment (state) WHERE active = 0;
CREATE INDEX deployment_repository ON deployment (repository);
CREATE INDEX deployment_environment ON deployment (environment);

CREATE TABLE event (
    position   INTEGER PRIMARY KEY,       -- counts all events, from 1, without gaps
    deployment INTEGER NOT NULL REFERENCES deployment (number),
    version    INTEGER NOT NULL CHECK (version >= 1),
    at         INTEGER NOT NULL,
    format     INTEGER NOT NULL,          -- of the JSON in this row
    actor      TEXT    NOT NULL,          -- JSON
    event      TEXT    NOT NULL,          -- JSON
    state      TEXT    NOT NULL,          -- the wire name of the state after it
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    UNIQUE (deployment, version)
) STRICT;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;

CREATE TRIGGER event_is_never_removed BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;

CREATE TABLE notice (
    key          TEXT    NOT NULL PRIMARY KEY,
    position     INTEGER NOT NULL REFERENCES event (position), -- whose effect it is
    deployment   TEXT    NOT NULL REFERENCES deployment (id),
    body         TEXT    NOT NULL,        -- JSON
    due_at       INTEGER,
    attempts     INTEGER NOT NULL DEFAULT 0,
    delivered_at INTEGER,
    last_error   TEXT,
    CHECK ((due_at IS NULL) = (delivered_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX notice_due ON notice (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE environment_version (
    number      INTEGER PRIMARY KEY,      -- the order of deployment
    service     TEXT    NOT NULL,
    repository  TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    deployment  TEXT    NOT NULL REFERENCES deployment (id), -- whose event put it there
    at          INTEGER NOT NULL,
    version     TEXT    NOT NULL          -- JSON
) STRICT;

CREATE INDEX environment_version_of ON environment_version (service, repository, environment);

CREATE TABLE lease (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    holder TEXT,                          -- NULL once released
    token  INTEGER NOT NULL,
    until  INTEGER NOT NULL
) STRICT;
