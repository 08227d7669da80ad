-- Granules by all that people search by, and by month.
SET LOCAL ROLE epntap_owner;

CREATE TABLE archive.granule_group (
    schema_name          text NOT NULL REFERENCES archive.service ON DELETE CASCADE,
    dataset_id           text,
    target_name          text,
    target_class         text,
    target_region        text,
    measurement_type     text,
    instrument_host_name text,
    instrument_name      text,
    dataproduct_type     text,
    processing_level     text,
    has_access           boolean NOT NULL,
    granule_count        bigint NOT NULL,
    time_min             double precision,
    time_max             double precision,
    first_months         integer[] NOT NULL,
    last_months          integer[] NOT NULL,
    granules             bigint[] NOT NULL
);
CREATE INDEX granule_group_of_dataset ON archive.granule_group (schema_name, dataset_id);
