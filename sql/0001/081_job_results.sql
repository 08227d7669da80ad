-- Jobs with any number of results, and how far a job has come.
SET LOCAL ROLE epntap_owner;

-- [{"name", "media_type", "extension", "encoding", "size_bytes", "file_name"}, …] in order; NULL: not completed
ALTER TABLE uws.job ADD COLUMN results jsonb;
-- {"done", "total", "doing"} as the worker says it, NULL: it says nothing
ALTER TABLE uws.job ADD COLUMN progress jsonb;

UPDATE uws.job SET results = jsonb_build_array(jsonb_build_object(
    'name', 'result', 'media_type', result_media_type, 'extension', result_extension,
    'encoding', result_encoding, 'size_bytes', result_bytes))
WHERE result_bytes IS NOT NULL;

-- the constraint on the phase goes with its column
ALTER TABLE uws.job
    DROP COLUMN result_media_type, DROP COLUMN result_extension,
    DROP COLUMN result_encoding, DROP COLUMN result_bytes;
ALTER TABLE uws.job ADD CHECK ((phase = 'COMPLETED') = (results IS NOT NULL));
