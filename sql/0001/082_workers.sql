-- Workers that live, whether they have a job or not, for those who watch over the service.
SET LOCAL ROLE epntap_owner;

CREATE TABLE uws.worker (
    name    text PRIMARY KEY,
    kinds   text[] NOT NULL,
    -- jobs that it runs at once
    jobs    integer NOT NULL,
    started timestamptz NOT NULL DEFAULT now(),
    seen    timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON uws.worker TO epntap_service;

-- counting jobs by phase reads no row of the table
CREATE INDEX job_phase ON uws.job (kind, phase);
