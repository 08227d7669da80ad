-- Summaries: which folders hold the statistics of which files, what the catalogue says of parameters, and gaps.
SET LOCAL ROLE epntap_owner;

CREATE TABLE archive.summary (
    schema_name text NOT NULL,
    dataset_id  text NOT NULL,
    axis        text NOT NULL,
    year        integer NOT NULL,
    folder      text NOT NULL,
    edition     text NOT NULL,
    base_ns     bigint NOT NULL,
    kinds       jsonb NOT NULL,
    digest      text NOT NULL,
    sources     jsonb NOT NULL,
    facts       jsonb NOT NULL,
    left_out    jsonb NOT NULL DEFAULT '{}',
    records     bigint NOT NULL,
    size_bytes  bigint NOT NULL,
    made        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schema_name, dataset_id, axis, year),
    FOREIGN KEY (schema_name, dataset_id) REFERENCES archive.dataset ON DELETE CASCADE
);

CREATE TABLE archive.parameter_fact (
    schema_name  text NOT NULL,
    dataset_id   text NOT NULL,
    variable     text NOT NULL,
    axis         text NOT NULL,
    value_min    double precision,
    value_max    double precision,
    filled_share double precision,
    first_time   text,
    last_time    text,
    PRIMARY KEY (schema_name, dataset_id, variable),
    FOREIGN KEY (schema_name, dataset_id) REFERENCES archive.dataset ON DELETE CASCADE
);

CREATE TABLE archive.gap (
    schema_name  text NOT NULL,
    dataset_id   text NOT NULL,
    axis         text NOT NULL,
    tt2000_min   bigint NOT NULL,
    tt2000_max   bigint NOT NULL,
    start_time   text NOT NULL,
    stop_time    text NOT NULL,
    time_min     double precision NOT NULL,
    time_max     double precision NOT NULL,
    PRIMARY KEY (schema_name, dataset_id, axis, tt2000_min),
    FOREIGN KEY (schema_name, dataset_id) REFERENCES archive.dataset ON DELETE CASCADE
);
