-- Numbers that clients ask for all day, kept true by the transaction that changes the rows.
SET LOCAL ROLE epntap_owner;

-- Rows of epn_core by the value of a column. A column is here with all its values, NULL included, or not at all.
CREATE TABLE archive.value_count (
    schema_name text NOT NULL REFERENCES archive.service ON DELETE CASCADE,
    column_name text NOT NULL,
    -- as text; a cast to the type of the column gives the value
    value       text,
    rows        bigint NOT NULL CHECK (rows > 0),
    UNIQUE NULLS NOT DISTINCT (schema_name, column_name, value)
);

-- What a service covers as a whole, for its registry record.
CREATE TABLE archive.coverage (
    schema_name text PRIMARY KEY REFERENCES archive.service ON DELETE CASCADE,
    -- Julian dates; NULL when no row has a time
    time_min    double precision,
    time_max    double precision,
    -- single items, not hash lists, in alphabetical order
    target_names          text[] NOT NULL DEFAULT '{}',
    target_classes        text[] NOT NULL DEFAULT '{}',
    dataproduct_types     text[] NOT NULL DEFAULT '{}',
    measurement_types     text[] NOT NULL DEFAULT '{}',
    instrument_host_names text[] NOT NULL DEFAULT '{}',
    instrument_names      text[] NOT NULL DEFAULT '{}'
);

GRANT SELECT, INSERT, UPDATE, DELETE ON archive.value_count, archive.coverage TO epntap_service;
