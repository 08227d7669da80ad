-- name: hands
-- How many batches living workers do at once.
SELECT coalesce(sum(jobs), 0) FROM uws.worker WHERE 'scan' = ANY (kinds) AND seen > now() - interval '1 minute';

-- name: ask
-- A batch for whoever comes first.
INSERT INTO uws.batch (run, number, program, errand, work)
VALUES (%(run)s, %(number)s, %(program)s, %(errand)s, %(work)s);

-- name: take
-- A batch that nobody has, of a run that lives: its lock says so. In a transaction, together with its own lock.
UPDATE uws.batch SET worker = %(worker)s, claims = claims + 1
WHERE batch_no = (
    SELECT waiting.batch_no FROM uws.batch AS waiting
    WHERE waiting.worker IS NULL AND waiting.results IS NULL AND NOT waiting.is_lost
      AND waiting.program = %(program)s AND waiting.errand = ANY (%(errands)s)
      AND EXISTS (
          SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid::bigint = %(run_lock)s
          AND objid::bigint = waiting.run AND objsubid = 2
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      )
    ORDER BY waiting.batch_no FOR UPDATE SKIP LOCKED LIMIT 1
)
RETURNING batch_no, errand, work;

-- name: hold
-- As long as the connection lasts, the batch is in good hands.
SELECT pg_advisory_lock(%(batch_lock)s, %(batch_no)s);

-- name: let_go
SELECT pg_advisory_unlock(%(batch_lock)s, %(batch_no)s);

-- name: done
UPDATE uws.batch SET worker = NULL, results = %(results)s WHERE batch_no = %(batch_no)s AND worker = %(worker)s;

-- name: lost
-- Its process died, the worker did not.
UPDATE uws.batch SET worker = NULL, is_lost = true WHERE batch_no = %(batch_no)s AND worker = %(worker)s;

-- name: give_back
-- The worker stops before it is done.
UPDATE uws.batch SET worker = NULL, claims = claims - 1 WHERE batch_no = %(batch_no)s AND worker = %(worker)s;

-- name: free
-- Batches of workers that are gone are free again; one that so many had when they went is taken to be the cause.
UPDATE uws.batch AS held SET worker = NULL, is_lost = claims >= %(most)s
WHERE run = %(run)s AND worker IS NOT NULL AND results IS NULL AND NOT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid::bigint = %(batch_lock)s
    AND objid::bigint = held.batch_no AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
);

-- name: fetch
-- What is done or lost; it is not asked for twice.
DELETE FROM uws.batch WHERE run = %(run)s AND (results IS NOT NULL OR is_lost)
RETURNING number, results;

-- name: forget
-- All batches of a run, and those of runs that died.
DELETE FROM uws.batch AS old WHERE run = %(run)s OR NOT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid::bigint = %(run_lock)s
    AND objid::bigint = old.run AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
);
