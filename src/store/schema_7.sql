-- Schema 7. Stories in a narrow form: what numbers are computed from, a few hundred bytes for each deployment.
-- This file is released: change nothing in it, append a migration instead.

-- Since schema 6 the history may hold the remark REQUEST_SEEN, which the first programs of that schema do not know:
-- they would take a deployment with one for damaged, and count it out of every number. They refuse this schema as a whole.

-- All of it follows from records, so nothing is carried over: whoever reads first has it told anew. A program of
-- schema 6 that is still running writes text, and so nothing.
DROP TABLE story;
DELETE FROM story_mark;

CREATE TABLE story (
    deployment INTEGER PRIMARY KEY REFERENCES deployment (number),
    service    TEXT    NOT NULL,
    ended_at   INTEGER,                   -- NULL while it is under way
    production INTEGER NOT NULL CHECK (production IN (0, 1)), -- whether it did something there
    story      BLOB                       -- in the format of the mark; NULL where its records tell none
) STRICT;

CREATE INDEX story_ended ON story (ended_at, deployment) WHERE ended_at IS NOT NULL;
CREATE INDEX story_production ON story (deployment) WHERE production = 1;
CREATE INDEX story_untold ON story (deployment) WHERE story IS NULL;
