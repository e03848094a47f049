-- Schema 10. Whether a commit is quarantined is found without looking at all that has ended.
-- This file is released: change nothing in it, append a migration instead.

-- Every start and every status asks.
CREATE INDEX deployment_taken_back ON deployment (service)
    WHERE active = 0 AND state IN ('rolled-back', 'rollback-failed');
CREATE INDEX environment_version_by ON environment_version (deployment);
