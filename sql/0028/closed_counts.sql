-- Closed rows by value, who may see them and from when on: counting them one by one takes seconds for whoever may see
-- many. The view says what the caller may see (sql/0022), and no condition is tried on anything else.
SET LOCAL ROLE epntap_owner;

CREATE TABLE archive.closed_count (
    schema_name text NOT NULL REFERENCES archive.service ON DELETE CASCADE,
    column_name text NOT NULL,
    value text,
    rows bigint NOT NULL CHECK (rows > 0),
    closed_until timestamptz NOT NULL,
    closed_groups text[] NOT NULL
);
CREATE INDEX closed_count_by_column ON archive.closed_count (schema_name, column_name);

CREATE VIEW udf.closed_count WITH (security_barrier) AS
    SELECT schema_name, column_name, value, rows FROM archive.closed_count
    WHERE closed_until <= now() OR closed_groups && archive.caller_groups();

GRANT SELECT ON udf.closed_count TO epntap_service, epntap_reader;
