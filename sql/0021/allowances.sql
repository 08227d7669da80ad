-- What was had: of a day where there is a limit, and of datasets.
SET LOCAL ROLE epntap_owner;

CREATE TABLE account.spent (
    key   text PRIMARY KEY,
    bytes bigint NOT NULL,
    rows  bigint NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE account.usage (
    month       text NOT NULL,
    schema_name text NOT NULL,
    dataset_id  text NOT NULL,
    team        text NOT NULL DEFAULT '',
    answers     bigint NOT NULL,
    bytes       bigint NOT NULL,
    PRIMARY KEY (month, schema_name, dataset_id, team)
);
