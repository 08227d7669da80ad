-- Trigrams let an index answer LIKE '%x%' and ILIKE. The extension is one of PostgreSQL's own (contrib); where it is not
-- installed or may not be made, ingestion leaves those indexes out and such conditions read the whole table.
DO $trigrams$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA udf;
EXCEPTION
    WHEN undefined_file OR feature_not_supported OR insufficient_privilege THEN
        RAISE NOTICE 'pg_trgm is not available: %', SQLERRM;
END
$trigrams$;
