-- What people keep: tables that they have brought, whose rows are in a schema of their own, and queries.
SET LOCAL ROLE epntap_owner;

CREATE TABLE account.kept_table (
    owner       text NOT NULL REFERENCES account.person (name) ON DELETE CASCADE,
    name        text NOT NULL,
    columns     jsonb NOT NULL,
    rows        bigint NOT NULL,
    bytes       bigint NOT NULL,
    description text NOT NULL DEFAULT '',
    made        timestamptz NOT NULL DEFAULT now(),
    expires     timestamptz NOT NULL,
    PRIMARY KEY (owner, name)
);
CREATE INDEX kept_table_expires ON account.kept_table (expires);

CREATE TABLE account.saved_query (
    owner text NOT NULL REFERENCES account.person (name) ON DELETE CASCADE,
    name  text NOT NULL,
    query text NOT NULL,
    made  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, name)
);
