-- name: create
-- A new job, PENDING or already QUEUED.
INSERT INTO uws.job (
    job_id, kind, phase, owner, session, client, run_id, queued, execution_duration_s, destruction, parameters, parts
)
VALUES (
    %(job_id)s, %(kind)s, %(phase)s, %(owner)s, %(session)s, %(client)s, %(run_id)s,
    CASE WHEN %(phase)s::text = 'QUEUED' THEN now() END,
    %(execution_duration_s)s, now() + make_interval(secs => %(lifetime_s)s), %(parameters)s,
    %(parts)s
)
RETURNING *;

-- name: get
-- One job that has not reached its destruction. Here and below: that of somebody is there for nobody else.
SELECT * FROM uws.job WHERE job_id = %(job_id)s AND kind = %(kind)s AND (owner IS NULL OR owner = %(owner)s)
  AND destruction > now();

-- name: owner
-- Whose a job is, for addresses that are secrets themselves.
SELECT owner FROM uws.job WHERE job_id = %(job_id)s AND kind = %(kind)s AND destruction > now();

-- name: held
-- Of somebody, or else of an address: jobs that wait or run, bytes that are kept, seconds until the first of them go.
SELECT count(*) FILTER (WHERE phase IN ('QUEUED', 'EXECUTING')), coalesce(sum(kept.size_bytes), 0)::bigint,
       coalesce(extract(epoch FROM min(destruction) FILTER (WHERE kept.size_bytes > 0) - now()), 0)::bigint
FROM uws.job CROSS JOIN LATERAL (
    SELECT sum((one ->> 'size_bytes')::bigint) AS size_bytes FROM jsonb_array_elements(coalesce(results, '[]') || parts) AS one
) AS kept
WHERE destruction > now()
  AND CASE WHEN %(owner)s::text IS NULL THEN owner IS NULL AND client = %(client)s ELSE owner = %(owner)s END;

-- name: note_groups
-- With the rights of which groups a job is run.
UPDATE uws.job SET groups = %(groups)s WHERE job_id = %(job_id)s AND attempt = %(attempt)s;

-- name: list
-- Jobs of one kind, the newest first, without their parameters, which may be long; of one
-- session or of everybody, or of somebody in particular.
SELECT job_id, kind, phase, owner, run_id, created, queued, started, ended, execution_duration_s, destruction,
       '[]'::jsonb AS parameters, '[]'::jsonb AS parts, attempt, error_message, error_is_transient,
       results, progress, groups
FROM uws.job
WHERE kind = %(kind)s AND destruction > now()
  AND CASE WHEN %(owner)s::text IS NULL THEN owner IS NULL AND (%(everybody)s OR session = %(session)s)
           ELSE owner = %(owner)s END
  AND phase = ANY (%(phases)s)
  AND (%(after)s::timestamptz IS NULL OR created > %(after)s)
ORDER BY created DESC, job_id
LIMIT %(most)s;

-- name: shown
-- The newest jobs of a session or of somebody, of any kind, with as much of the parameters as a list shows.
SELECT job_id, kind, phase, owner, run_id, created, queued, started, ended, execution_duration_s, destruction,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(upper(pair ->> 0), left(pair ->> 1, 400))), '[]')
        FROM (SELECT pair FROM jsonb_array_elements(parameters) AS given (pair)
              WHERE upper(pair ->> 0) IN ('QUERY', 'ID', 'START', 'STOP', 'FORMAT', 'RESPONSEFORMAT') LIMIT 8) AS few
       ) AS parameters,
       '[]'::jsonb AS parts, attempt, error_message, error_is_transient, results, progress, groups
FROM uws.job
WHERE destruction > now()
  AND CASE WHEN %(owner)s::text IS NULL THEN owner IS NULL AND (%(everybody)s OR session = %(session)s)
           ELSE owner = %(owner)s END
ORDER BY created DESC, job_id
LIMIT %(most)s;

-- name: run
-- PENDING to QUEUED.
UPDATE uws.job SET phase = 'QUEUED', queued = now()
WHERE job_id = %(job_id)s AND kind = %(kind)s AND (owner IS NULL OR owner = %(owner)s)
  AND destruction > now() AND phase = 'PENDING'
RETURNING *;

-- name: abort
-- Any phase that can still change to ABORTED, at the wish of the user.
UPDATE uws.job SET phase = 'ABORTED', ended = now(), worker = NULL, heartbeat = NULL
WHERE job_id = %(job_id)s AND kind = %(kind)s AND (owner IS NULL OR owner = %(owner)s)
  AND destruction > now() AND phase IN ('PENDING', 'QUEUED', 'EXECUTING')
RETURNING *;

-- name: add_parameters
-- More parameters for a PENDING job, in the place of those of the same names.
UPDATE uws.job
SET parameters = (
        SELECT coalesce(jsonb_agg(pair ORDER BY place), '[]')
        FROM jsonb_array_elements(parameters) WITH ORDINALITY AS earlier (pair, place)
        WHERE NOT upper(pair ->> 0) = ANY (%(replaced)s)
    ) || %(parameters)s,
    parts = (
        SELECT coalesce(jsonb_agg(part ORDER BY place), '[]')
        FROM jsonb_array_elements(parts) WITH ORDINALITY AS earlier (part, place)
        WHERE NOT part ->> 'name' IN (SELECT later ->> 'name' FROM jsonb_array_elements(%(parts)s) AS later)
    ) || %(parts)s,
    run_id = coalesce(%(run_id)s, run_id)
WHERE job_id = %(job_id)s AND kind = %(kind)s AND (owner IS NULL OR owner = %(owner)s)
  AND destruction > now() AND phase = 'PENDING'
RETURNING *;

-- name: set_duration
-- Another time limit, also for a job that runs: its worker reads it with the next heartbeat.
UPDATE uws.job SET execution_duration_s = %(execution_duration_s)s
WHERE job_id = %(job_id)s AND kind = %(kind)s AND (owner IS NULL OR owner = %(owner)s)
  AND destruction > now() AND phase IN ('PENDING', 'QUEUED', 'EXECUTING')
RETURNING *;

-- name: set_destruction
-- Another end, but not later than the lifetime from now.
UPDATE uws.job SET destruction = least(%(destruction)s, now() + make_interval(secs => %(lifetime_s)s))
WHERE job_id = %(job_id)s AND kind = %(kind)s AND (owner IS NULL OR owner = %(owner)s)
  AND destruction > now()
RETURNING *;

-- name: delete
-- The row; its last state tells which result file there may be.
DELETE FROM uws.job WHERE job_id = %(job_id)s AND kind = %(kind)s AND (owner IS NULL OR owner = %(owner)s) RETURNING *;

-- name: claim
-- QUEUED to EXECUTING: of the clients with the fewest jobs of the kind in hand, the job that has waited longest and that
-- no other worker is about to take. One client leaves one place of all workers to others, whatever the kinds.
UPDATE uws.job
SET phase = 'EXECUTING', attempt = attempt + 1, worker = %(worker)s, started = now(), heartbeat = now(),
    progress = NULL
WHERE job_id = (
    SELECT waiting.job_id
    FROM uws.job AS waiting
    LEFT JOIN (
        SELECT client, count(*) AS jobs, array_agg(kind) AS kinds
        FROM uws.job WHERE phase = 'EXECUTING' AND client IS NOT NULL GROUP BY client
    ) AS busy ON busy.client = waiting.client
    WHERE waiting.phase = 'QUEUED' AND waiting.kind = ANY (%(kinds)s) AND waiting.destruction > now()
      AND (busy.jobs < (
          SELECT greatest(sum(jobs) - 1, 1) FROM uws.worker WHERE seen > now() - interval '1 minute' HAVING count(*) > 0
      )) IS NOT FALSE
    ORDER BY coalesce(cardinality(array_positions(busy.kinds, waiting.kind)), 0), waiting.queued
    FOR UPDATE OF waiting SKIP LOCKED
    LIMIT 1
)
RETURNING *;

-- name: complete
-- EXECUTING to COMPLETED, by the worker that has it.
UPDATE uws.job
SET phase = 'COMPLETED', ended = now(), worker = NULL, heartbeat = NULL,
    results = %(results)s
WHERE job_id = %(job_id)s AND phase = 'EXECUTING' AND worker = %(worker)s AND attempt = %(attempt)s
RETURNING *;

-- name: fail
-- EXECUTING to ERROR, or to ABORTED when its time was over (UWS 1.1 §2.1.4), by the worker that has it.
UPDATE uws.job
SET phase = %(phase)s, ended = now(), worker = NULL, heartbeat = NULL,
    error_message = %(message)s, error_is_transient = %(is_transient)s
WHERE job_id = %(job_id)s AND phase = 'EXECUTING' AND worker = %(worker)s AND attempt = %(attempt)s
RETURNING *;

-- name: give_back
-- EXECUTING to QUEUED: the worker stops before it has done it. The attempt does not count.
UPDATE uws.job
SET phase = 'QUEUED', started = NULL, worker = NULL, heartbeat = NULL, attempt = attempt - 1
WHERE job_id = %(job_id)s AND phase = 'EXECUTING' AND worker = %(worker)s AND attempt = %(attempt)s
RETURNING *;

-- name: present
-- A worker lives.
INSERT INTO uws.worker AS known (name, kinds, jobs) VALUES (%(worker)s, %(kinds)s, %(jobs)s)
ON CONFLICT (name) DO UPDATE SET seen = now();

-- name: gone
-- A worker that has stopped, and others that nobody has seen for a long time.
DELETE FROM uws.worker WHERE name = %(worker)s OR seen < now() - interval '1 hour';

-- name: beat
-- The jobs that a worker still has, of those that it believes to have.
UPDATE uws.job SET heartbeat = now()
WHERE job_id = ANY (%(job_ids)s) AND phase = 'EXECUTING' AND worker = %(worker)s
RETURNING *;

-- name: progress
-- How far a job has come, by the worker that has it.
UPDATE uws.job SET progress = %(progress)s
WHERE job_id = %(job_id)s AND phase = 'EXECUTING' AND worker = %(worker)s AND attempt = %(attempt)s
RETURNING *;

-- name: recover
-- Jobs whose worker has stopped beating: QUEUED again as often as is allowed, then ERROR.
UPDATE uws.job
SET phase = CASE WHEN attempt < %(attempts)s THEN 'QUEUED' ELSE 'ERROR' END,
    started = CASE WHEN attempt < %(attempts)s THEN NULL ELSE started END,
    ended = CASE WHEN attempt < %(attempts)s THEN NULL ELSE now() END,
    error_message = CASE WHEN attempt < %(attempts)s THEN NULL ELSE %(message)s END,
    error_is_transient = attempt >= %(attempts)s,
    worker = NULL, heartbeat = NULL
WHERE job_id IN (
    SELECT job_id FROM uws.job
    WHERE phase = 'EXECUTING' AND heartbeat < now() - make_interval(secs => %(dead_after_s)s)
    FOR UPDATE SKIP LOCKED
)
RETURNING *;

-- name: expired
-- Jobs past their destruction.
SELECT * FROM uws.job WHERE destruction <= now() ORDER BY destruction LIMIT %(most)s;

-- name: expire
-- Rows of jobs past their destruction.
DELETE FROM uws.job WHERE job_id = ANY (%(job_ids)s) AND destruction <= now();

-- name: known
-- Which of these jobs exist.
SELECT job_id FROM uws.job WHERE job_id = ANY (%(job_ids)s);
