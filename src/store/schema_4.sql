-- Schema 4. Places: one service in one environment, which one deployment has at a time.
-- This file is released: change nothing in it, append a migration instead.

ALTER TABLE deployment ADD COLUMN at_hand TEXT;         -- the place that it is before or in: `service/environment`
ALTER TABLE deployment ADD COLUMN place TEXT;           -- the place that it has
ALTER TABLE deployment ADD COLUMN queued_since INTEGER; -- since when it waits for the place at hand, and for nothing else

-- As the program would have written them. Who was under way then gets a place at its next trigger.
UPDATE deployment SET at_hand = service || '/' || environment_at_hand
FROM (
    SELECT number AS of, CASE
        WHEN state LIKE 'deploying-%'    THEN substr(state, length('deploying-') + 1)
        WHEN NOT json_valid(progress)    THEN NULL
        WHEN state = 'awaiting-approval' THEN progress ->> '$.state.environment'
        WHEN state = 'cancelling'        THEN progress ->> '$.state.stopping.environment'
        WHEN state = 'rolling-back'      THEN coalesce(progress ->> '$.state.stopping.environment',
                                                       progress ->> '$.state.now.environment')
    END AS environment_at_hand
    FROM deployment WHERE active = 1
)
WHERE number = of AND environment_at_hand IS NOT NULL;

-- Whatever the program thinks: no two deployments have one place.
CREATE UNIQUE INDEX deployment_place ON deployment (place) WHERE place IS NOT NULL;
CREATE INDEX deployment_at_hand ON deployment (at_hand) WHERE at_hand IS NOT NULL;
