-- Schema 5. What is told, to whom: a notice is routed once, and each of its deliveries is on its own.
-- This file is released: change nothing in it, append a migration instead.

-- From now on `notice.delivered_at` is when it was routed, and what is due waits for that. What an earlier
-- program had tried and not told is routed anew.
UPDATE notice SET attempts = 0, last_error = NULL WHERE due_at IS NOT NULL;

CREATE TABLE delivery (
    number       INTEGER PRIMARY KEY,     -- the order in which they are told
    position     INTEGER NOT NULL,        -- with `topic`, the notice
    topic        TEXT    NOT NULL,
    deployment   INTEGER NOT NULL REFERENCES deployment (number),
    channel      TEXT    NOT NULL,
    issue        TEXT    NOT NULL,        -- of a tracker; otherwise empty
    lane         TEXT    NOT NULL,        -- in a channel, those of one lane are told one at a time
    digest       INTEGER NOT NULL CHECK (digest IN (0, 1)), -- 1: with all others like it, once one is due
    routed_at    INTEGER NOT NULL,
    due_at       INTEGER,                 -- NULL once it is delivered or given up
    claimed      INTEGER NOT NULL DEFAULT 0 CHECK (claimed IN (0, 1)),
    attempts     INTEGER NOT NULL DEFAULT 0,
    last_error   TEXT,
    delivered_at INTEGER,
    given_up_at  INTEGER,
    UNIQUE (position, topic, channel, issue),
    FOREIGN KEY (position, topic) REFERENCES notice (position, topic),
    CHECK ((due_at IS NOT NULL) + (delivered_at IS NOT NULL) + (given_up_at IS NOT NULL) = 1)
) STRICT;

CREATE INDEX delivery_due ON delivery (due_at, channel) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_lane ON delivery (channel, lane, number) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_of ON delivery (deployment) WHERE delivered_at IS NULL;

-- A channel that takes nothing for now.
CREATE TABLE channel_rest (
    channel TEXT    PRIMARY KEY,
    until   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a messenger needs to find again what it has said of a deployment.
CREATE TABLE thread (
    deployment INTEGER NOT NULL REFERENCES deployment (number),
    channel    TEXT    NOT NULL,
    issue      TEXT    NOT NULL,          -- as in `delivery`
    body       TEXT    NOT NULL,          -- the messenger's own words
    PRIMARY KEY (deployment, channel, issue)
) STRICT, WITHOUT ROWID;
