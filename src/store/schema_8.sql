-- Schema 8. The board: what ended last is found without looking at all that has ended.
-- This file is released: change nothing in it, append a migration instead.

CREATE INDEX deployment_ended_last ON deployment (last_record) WHERE active = 0;
