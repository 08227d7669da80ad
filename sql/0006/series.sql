-- What the files of each dataset say of their records, one row for each time axis.
SET LOCAL ROLE epntap_owner;

CREATE TABLE archive.series (
    schema_name text NOT NULL,
    dataset_id  text NOT NULL,
    axis        text NOT NULL,
    position    integer NOT NULL,
    public_id   text NOT NULL UNIQUE,
    specimens   text NOT NULL DEFAULT '',
    said        jsonb NOT NULL,
    PRIMARY KEY (schema_name, dataset_id, axis),
    FOREIGN KEY (schema_name, dataset_id) REFERENCES archive.dataset ON DELETE CASCADE
);
