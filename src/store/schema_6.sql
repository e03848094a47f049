-- Schema 6. Metrics: what follows from the history, and what is known of the time before it.
-- This file is released: change nothing in it, append a migration instead.

-- One row for each deployment of which the history has told. All of it follows
-- from records: the table may be emptied at any time, and is filled again.
CREATE TABLE story (
    deployment INTEGER PRIMARY KEY REFERENCES deployment (number),
    service    TEXT    NOT NULL,
    ended_at   INTEGER,                   -- NULL while it is under way
    production INTEGER NOT NULL CHECK (production IN (0, 1)), -- whether it did something there
    story      TEXT                       -- JSON; NULL where its records tell none
) STRICT;

CREATE INDEX story_ended ON story (ended_at, deployment) WHERE ended_at IS NOT NULL;
CREATE INDEX story_production ON story (deployment) WHERE production = 1;
CREATE INDEX story_untold ON story (deployment) WHERE story IS NULL;

CREATE TABLE story_mark (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    format   INTEGER NOT NULL,            -- of the stories
    position INTEGER NOT NULL             -- up to which the history is told
) STRICT;

-- What somebody imported. Nothing of it is in the history, and none of it moves anything.
CREATE TABLE imported_deployment (
    number      INTEGER PRIMARY KEY,
    service     TEXT    NOT NULL,
    repository  TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    production  INTEGER NOT NULL CHECK (production IN (0, 1)),
    commit_sha  TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    result      TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER NOT NULL CHECK (finished_at >= started_at),
    imported_at INTEGER NOT NULL,
    imported_by TEXT    NOT NULL,
    UNIQUE (service, repository, environment, commit_sha, kind, started_at)
) STRICT;

CREATE TABLE imported_commit (
    number        INTEGER PRIMARY KEY,
    repository    TEXT    NOT NULL,
    commit_sha    TEXT    NOT NULL,
    committed_at  INTEGER NOT NULL,
    deployed_with TEXT,
    imported_at   INTEGER NOT NULL,
    imported_by   TEXT    NOT NULL,
    UNIQUE (repository, commit_sha)
) STRICT;

CREATE TABLE imported_incident (
    number      INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    service     TEXT    NOT NULL,
    began_at    INTEGER NOT NULL,
    resolved_at INTEGER CHECK (resolved_at >= began_at),
    imported_at INTEGER NOT NULL,
    imported_by TEXT    NOT NULL
) STRICT;
