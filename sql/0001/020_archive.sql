-- What is published (service), what it is made of (dataset, parameter) and where the bytes are (file).
CREATE SCHEMA IF NOT EXISTS archive AUTHORIZATION epntap_owner;
SET LOCAL ROLE epntap_owner;

CREATE TABLE archive.service (
    schema_name    text PRIMARY KEY,
    title          text NOT NULL,
    description    text,
    publisher      text,
    creator        text,
    reference_url  text,
    granule_count  bigint NOT NULL DEFAULT 0,
    first_ingested timestamp NOT NULL,
    last_ingested  timestamp NOT NULL
);

CREATE TABLE archive.dataset (
    schema_name     text NOT NULL REFERENCES archive.service ON DELETE CASCADE,
    dataset_id      text NOT NULL,
    title           text NOT NULL,
    description     text,
    resource_id     text,
    start_time      timestamp,
    stop_time       timestamp,
    cadence_min_s   double precision,
    cadence_max_s   double precision,
    access_rights   text NOT NULL DEFAULT 'Open',
    hapi_url        text,
    hapi_id         text,
    landing_url     text,
    information_url text,
    doi             text,
    -- what one row of epn_core stands for: it tells a granule_uid that ends in a date from a file name that does
    granule         text NOT NULL DEFAULT 'file' CHECK (granule IN ('day', 'month', 'file')),
    PRIMARY KEY (schema_name, dataset_id)
);

CREATE TABLE archive.parameter (
    schema_name       text NOT NULL,
    dataset_id        text NOT NULL,
    name              text NOT NULL,
    position          integer NOT NULL,
    title             text,
    description       text,
    units             text,
    ucd               text,
    shape             integer[] NOT NULL DEFAULT '{}',
    fill_value        text,
    coordinate_system text,
    variable          text,
    PRIMARY KEY (schema_name, dataset_id, name),
    FOREIGN KEY (schema_name, dataset_id) REFERENCES archive.dataset ON DELETE CASCADE
);

CREATE TABLE archive.file (
    schema_name text NOT NULL,
    dataset_id  text NOT NULL,
    root        text NOT NULL,
    path        text NOT NULL,
    size_bytes  bigint NOT NULL,
    mtime_ns    bigint NOT NULL,
    -- TT2000 nanoseconds, both ends inclusive: UTC nanoseconds are ambiguous during a leap second
    tt2000_min  bigint,
    tt2000_max  bigint,
    records     bigint NOT NULL,
    fill_epochs bigint NOT NULL DEFAULT 0,
    version     text NOT NULL DEFAULT '',
    PRIMARY KEY (schema_name, root, path),
    FOREIGN KEY (schema_name, dataset_id) REFERENCES archive.dataset ON DELETE CASCADE
);
CREATE INDEX file_by_path ON archive.file (schema_name, path);
CREATE INDEX file_by_time ON archive.file (schema_name, dataset_id, tt2000_min, tt2000_max);

-- How a published column is stored where that differs from what is published (catalog.model.Form).
CREATE TABLE archive.column_form (
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    column_name text NOT NULL,
    form        text NOT NULL CHECK (form IN ('dali_text', 'relative_url')),
    PRIMARY KEY (schema_name, table_name, column_name)
);

-- One row, raised by every publication: web processes reload their catalogue when it has moved.
CREATE TABLE archive.catalog_version (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  bigint NOT NULL
);
INSERT INTO archive.catalog_version (version) VALUES (1);
