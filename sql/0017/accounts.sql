-- People, their groups, and what proves who they are.
SET LOCAL ROLE epntap_owner;

CREATE SCHEMA IF NOT EXISTS account;

CREATE TABLE account.person (
    name        text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._@+-]{0,62}$'),
    full_name   text NOT NULL DEFAULT '',
    email       text NOT NULL DEFAULT '',
    affiliation text NOT NULL DEFAULT '',
    password    text,
    made        timestamptz NOT NULL DEFAULT now(),
    disabled    timestamptz
);

CREATE TABLE account.team (
    name               text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9._-]{0,62}$'),
    title              text NOT NULL DEFAULT '',
    takes_applications boolean NOT NULL DEFAULT true,
    made               timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE account.membership (
    person  text NOT NULL REFERENCES account.person (name) ON DELETE CASCADE,
    team    text NOT NULL REFERENCES account.team (name) ON DELETE CASCADE,
    is_lead boolean NOT NULL DEFAULT false,
    expires timestamptz,
    since   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, team)
);
CREATE INDEX membership_of_team ON account.membership (team);

CREATE TABLE account.application (
    person text NOT NULL REFERENCES account.person (name) ON DELETE CASCADE,
    team   text NOT NULL REFERENCES account.team (name) ON DELETE CASCADE,
    said   text NOT NULL DEFAULT '',
    asked  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, team)
);
CREATE INDEX application_of_team ON account.application (team);

CREATE TABLE account.token (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest  text NOT NULL UNIQUE,
    person  text NOT NULL REFERENCES account.person (name) ON DELETE CASCADE,
    kind    text NOT NULL CHECK (kind IN ('application', 'session')),
    label   text NOT NULL DEFAULT '',
    scopes  text[] NOT NULL DEFAULT '{}',
    made    timestamptz NOT NULL DEFAULT now(),
    expires timestamptz,
    revoked timestamptz
);
CREATE INDEX token_of_person ON account.token (person, kind, made DESC);

CREATE TABLE account.attempt (
    key      text PRIMARY KEY,
    failures integer NOT NULL,
    since    timestamptz NOT NULL
);

CREATE TABLE account.audit (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    what   text NOT NULL,
    person text NOT NULL DEFAULT '',
    team   text NOT NULL DEFAULT '',
    "by"   text NOT NULL DEFAULT '',
    client text NOT NULL DEFAULT ''
);
CREATE INDEX audit_at ON account.audit (at);
CREATE INDEX audit_of_person ON account.audit (person, at);

CREATE TABLE account.secret (
    purpose text PRIMARY KEY,
    value   bytea NOT NULL,
    made    timestamptz NOT NULL DEFAULT now()
);
