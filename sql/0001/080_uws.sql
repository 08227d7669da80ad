-- Jobs (UWS 1.1). The table is the queue: one row, one state machine, claimed by workers, told by NOTIFY.
CREATE SCHEMA IF NOT EXISTS uws AUTHORIZATION epntap_owner;
SET LOCAL ROLE epntap_owner;

CREATE TABLE uws.job (
    job_id               text PRIMARY KEY CHECK (job_id ~ '^[0-9a-f]{32}$'),
    -- which callable of a worker runs it: tap, soda
    kind                 text NOT NULL,
    phase                text NOT NULL CHECK (phase IN (
        'PENDING', 'QUEUED', 'EXECUTING', 'COMPLETED', 'ERROR', 'ABORTED',
        'UNKNOWN', 'HELD', 'SUSPENDED', 'ARCHIVED')),
    -- digest of the cookie of whoever made it; NULL: came without
    session              text,
    run_id               text,
    created              timestamptz NOT NULL DEFAULT now(),
    queued               timestamptz,
    started              timestamptz,
    ended                timestamptz,
    execution_duration_s integer NOT NULL CHECK (execution_duration_s > 0),
    destruction          timestamptz NOT NULL,
    -- [[name, value], …] as posted
    parameters           jsonb NOT NULL DEFAULT '[]',
    -- how often a worker has begun it; part of the name of the result file
    attempt              integer NOT NULL DEFAULT 0,
    worker               text,
    heartbeat            timestamptz,
    error_message        text,
    error_is_transient   boolean NOT NULL DEFAULT false,
    result_media_type    text,
    result_extension     text,
    -- Content-Encoding of a result that is compressed as it lies there
    result_encoding      text,
    result_bytes         bigint,
    CHECK ((phase = 'EXECUTING') = (worker IS NOT NULL)),
    CHECK ((phase = 'COMPLETED') = (result_bytes IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX job_queue ON uws.job (queued) WHERE phase = 'QUEUED';
CREATE INDEX job_executing ON uws.job (job_id) WHERE phase = 'EXECUTING';
CREATE INDEX job_list ON uws.job (kind, created DESC);
CREATE INDEX job_session ON uws.job (session, created DESC);
CREATE INDEX job_destruction ON uws.job (destruction);

-- A trigger tells, so that no transition can forget it. The message is 'job_id phase kind'.
CREATE FUNCTION uws.tell() RETURNS trigger
    LANGUAGE plpgsql
    AS $body$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM pg_notify('uws_job', OLD.job_id || ' DELETED ' || OLD.kind);
    ELSIF TG_OP = 'INSERT' OR OLD.phase <> NEW.phase THEN
        PERFORM pg_notify('uws_job', NEW.job_id || ' ' || NEW.phase || ' ' || NEW.kind);
    END IF;
    RETURN NULL;
END
$body$;
CREATE TRIGGER tell AFTER INSERT OR DELETE OR UPDATE OF phase ON uws.job FOR EACH ROW EXECUTE FUNCTION uws.tell();

GRANT USAGE ON SCHEMA uws TO epntap_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON uws.job TO epntap_service;
