-- The queue of what workers do for ingestions and summaries.
SET LOCAL ROLE epntap_owner;

CREATE TABLE uws.batch (
    batch_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run integer NOT NULL,
    number integer NOT NULL,
    program text NOT NULL,
    errand text NOT NULL,
    work text NOT NULL,
    worker text,
    claims integer NOT NULL DEFAULT 0,
    results text,
    is_lost boolean NOT NULL DEFAULT false
);
CREATE INDEX batch_of_run ON uws.batch (run);
