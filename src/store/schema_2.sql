-- Schema 2. The history holds remarks beside events, some of them about no deployment.
-- This file is released: change nothing in it, append a migration instead.

-- The history of a deployment is a list through `event`, from its last record
-- backwards. An index would be one more page for each commit to write.
ALTER TABLE deployment ADD COLUMN last_record INTEGER NOT NULL DEFAULT 0; -- its position
ALTER TABLE deployment ADD COLUMN remarks     INTEGER NOT NULL DEFAULT 0; -- in its history
UPDATE deployment SET last_record = coalesce(
    (SELECT max(position) FROM event WHERE event.deployment = number), 0
);

ALTER TABLE event RENAME TO event_1;

-- A program of schema 1 that is still running writes no `previous`, and so nothing.
CREATE TABLE event (
    position   INTEGER PRIMARY KEY,       -- counts all records, from 1, without gaps
    deployment INTEGER REFERENCES deployment (number), -- NULL in a remark about none
    version    INTEGER CHECK (version >= 1),
    previous   INTEGER NOT NULL CHECK (previous < position), -- its deployment's record before this one, or 0
    at         INTEGER NOT NULL,
    format     INTEGER NOT NULL,          -- of the JSON in this row, and of its hash
    actor      TEXT    NOT NULL,          -- JSON
    event      TEXT    NOT NULL,          -- JSON: the event or the remark
    state      TEXT,                      -- the wire name of the state after it
    lookup     TEXT,                      -- what it is found by: `agents`, `start/NAME`, `rollback/NAME`
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    CHECK ((deployment IS NULL) = (version IS NULL) AND (deployment IS NULL) = (state IS NULL))
) STRICT;

INSERT INTO event
SELECT position, deployment, version, lag(position, 1, 0) OVER (PARTITION BY deployment ORDER BY position),
       at, format, actor, event, state,
       CASE WHEN json_valid(actor) AND json_valid(event) AND actor ->> '$.principal.kind' = 'agent' THEN
           CASE event ->> '$.event'
               WHEN 'CREATED'  THEN 'start/'    || (actor ->> '$.principal.on_behalf_of')
               WHEN 'ROLLBACK' THEN 'rollback/' || (actor ->> '$.principal.on_behalf_of')
           END
       END,
       hash
FROM event_1 ORDER BY position;

ALTER TABLE notice RENAME TO notice_1;

-- Keyed by its place, so that new ones come to the page where the last one is.
CREATE TABLE notice (
    position     INTEGER NOT NULL REFERENCES event (position), -- whose effect it is
    topic        TEXT    NOT NULL,        -- one notice of each for a record
    deployment   INTEGER NOT NULL REFERENCES deployment (number),
    body         TEXT    NOT NULL,        -- JSON
    due_at       INTEGER,
    attempts     INTEGER NOT NULL DEFAULT 0,
    delivered_at INTEGER,
    last_error   TEXT,
    PRIMARY KEY (position, topic),
    CHECK ((due_at IS NULL) = (delivered_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO notice
SELECT position, iif(json_valid(body), body ->> '$.topic', key), number, body,
       notice_1.due_at, attempts, delivered_at, last_error
FROM notice_1 JOIN deployment ON deployment.id = notice_1.deployment;

DROP TABLE notice_1;
DROP TABLE event_1;

CREATE INDEX notice_due ON notice (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX event_lookup ON event (lookup, at) WHERE lookup IS NOT NULL;
CREATE INDEX event_about_none ON event (at) WHERE deployment IS NULL;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;

CREATE TRIGGER event_is_never_removed BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;

CREATE TABLE review (
    opened_by   INTEGER PRIMARY KEY REFERENCES event (position), -- the APPROVED that it is about
    deployment  INTEGER NOT NULL REFERENCES deployment (number),
    environment TEXT    NOT NULL,
    request     INTEGER NOT NULL,         -- the number of the approval request
    closed_by   INTEGER REFERENCES event (position) -- the REVIEWED that closed it
) STRICT;

CREATE INDEX review_of ON review (deployment);
