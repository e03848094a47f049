-- Schema 9. Traces: how far the history is told.
-- This file is released: change nothing in it, append a migration instead.

-- No row until somebody wants traces for the first time.
CREATE TABLE trace_mark (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    position INTEGER NOT NULL             -- whatever a record up to it has ended, is told
) STRICT;
