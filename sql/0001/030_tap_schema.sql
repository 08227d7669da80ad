-- TAP_SCHEMA as TAP 1.1 section 4 has it; it describes itself.
CREATE SCHEMA IF NOT EXISTS tap_schema AUTHORIZATION epntap_owner;
SET LOCAL ROLE epntap_owner;

CREATE TABLE tap_schema.schemas (
    schema_name  text PRIMARY KEY,
    utype        text,
    description  text,
    schema_index integer
);

CREATE TABLE tap_schema.tables (
    schema_name text NOT NULL REFERENCES tap_schema.schemas ON DELETE CASCADE,
    table_name  text PRIMARY KEY,
    table_type  text NOT NULL CHECK (table_type IN ('table', 'view')),
    utype       text,
    description text,
    table_index integer
);

CREATE TABLE tap_schema.columns (
    table_name   text NOT NULL REFERENCES tap_schema.tables ON DELETE CASCADE,
    column_name  text NOT NULL,
    datatype     text NOT NULL,
    arraysize    text,
    xtype        text,
    "size"       integer,
    description  text,
    utype        text,
    unit         text,
    ucd          text,
    indexed      integer NOT NULL CHECK (indexed IN (0, 1)),
    principal    integer NOT NULL CHECK (principal IN (0, 1)),
    std          integer NOT NULL CHECK (std IN (0, 1)),
    column_index integer,
    PRIMARY KEY (table_name, column_name)
);

CREATE TABLE tap_schema.keys (
    key_id       text PRIMARY KEY,
    from_table   text NOT NULL REFERENCES tap_schema.tables ON DELETE CASCADE,
    target_table text NOT NULL REFERENCES tap_schema.tables ON DELETE CASCADE,
    description  text,
    utype        text
);

CREATE TABLE tap_schema.key_columns (
    key_id        text NOT NULL REFERENCES tap_schema.keys ON DELETE CASCADE,
    from_column   text NOT NULL,
    target_column text NOT NULL,
    PRIMARY KEY (key_id, from_column)
);

INSERT INTO tap_schema.schemas VALUES
    ('tap_schema', NULL, 'Description of all published tables (TAP 1.1)', 1000);

INSERT INTO tap_schema.tables VALUES
    ('tap_schema', 'tap_schema.schemas', 'table', NULL, 'Published schemas', 1),
    ('tap_schema', 'tap_schema.tables', 'table', NULL, 'Published tables', 2),
    ('tap_schema', 'tap_schema.columns', 'table', NULL, 'Columns of the published tables', 3),
    ('tap_schema', 'tap_schema.keys', 'table', NULL, 'Foreign keys between published tables', 4),
    ('tap_schema', 'tap_schema.key_columns', 'table', NULL, 'Columns of the foreign keys', 5);

INSERT INTO tap_schema.columns
    (table_name, column_name, datatype, arraysize, description, indexed, principal, std, column_index)
SELECT 'tap_schema.' || t, c, d, CASE WHEN d = 'char' THEN '*' END, about, ix, 1, 1, n
FROM (VALUES
    ('schemas', 1, 'schema_name', 'char', 1, 'Schema name as it is written in a query'),
    ('schemas', 2, 'utype', 'char', 0, 'Data model of the schema, if it follows one'),
    ('schemas', 3, 'description', 'char', 0, 'What the schema holds'),
    ('schemas', 4, 'schema_index', 'int', 0, 'Recommended position in a list of schemas'),
    ('tables', 1, 'schema_name', 'char', 0, 'Schema that holds the table'),
    ('tables', 2, 'table_name', 'char', 1, 'Table name as it is written after FROM'),
    ('tables', 3, 'table_type', 'char', 0, 'table or view'),
    ('tables', 4, 'utype', 'char', 0, 'Data model of the table, if it follows one'),
    ('tables', 5, 'description', 'char', 0, 'What the table holds'),
    ('tables', 6, 'table_index', 'int', 0, 'Recommended position in a list of tables'),
    ('columns', 1, 'table_name', 'char', 1, 'Table that has the column'),
    ('columns', 2, 'column_name', 'char', 0, 'Column name as it is written in a query'),
    ('columns', 3, 'datatype', 'char', 0, 'VOTable datatype'),
    ('columns', 4, 'arraysize', 'char', 0, 'VOTable arraysize; empty for a scalar'),
    ('columns', 5, 'xtype', 'char', 0, 'VOTable xtype'),
    ('columns', 6, '"size"', 'int', 0, 'Length of a one-dimensional column (deprecated; use arraysize)'),
    ('columns', 7, 'description', 'char', 0, 'What the column holds'),
    ('columns', 8, 'utype', 'char', 0, 'Data model element'),
    ('columns', 9, 'unit', 'char', 0, 'Unit in VOUnit syntax'),
    ('columns', 10, 'ucd', 'char', 0, 'UCD of the quantity'),
    ('columns', 11, 'indexed', 'int', 0, '1 if an index makes conditions on the column fast'),
    ('columns', 12, 'principal', 'int', 0, '1 if the column belongs in a default selection'),
    ('columns', 13, 'std', 'int', 0, '1 if a standard defines the column'),
    ('columns', 14, 'column_index', 'int', 0, 'Position in the table'),
    ('keys', 1, 'key_id', 'char', 1, 'Identifier of the foreign key'),
    ('keys', 2, 'from_table', 'char', 0, 'Table that refers'),
    ('keys', 3, 'target_table', 'char', 0, 'Table referred to'),
    ('keys', 4, 'description', 'char', 0, 'What the key means'),
    ('keys', 5, 'utype', 'char', 0, 'Data model element'),
    ('key_columns', 1, 'key_id', 'char', 1, 'Identifier of the foreign key'),
    ('key_columns', 2, 'from_column', 'char', 0, 'Column of the referring table'),
    ('key_columns', 3, 'target_column', 'char', 0, 'Column of the table referred to')
) AS list (t, n, c, d, ix, about);

INSERT INTO tap_schema.keys (key_id, from_table, target_table, description) VALUES
    ('tap_schema_1', 'tap_schema.tables', 'tap_schema.schemas', 'schema of a table'),
    ('tap_schema_2', 'tap_schema.columns', 'tap_schema.tables', 'table of a column'),
    ('tap_schema_3', 'tap_schema.keys', 'tap_schema.tables', 'referring table of a key'),
    ('tap_schema_4', 'tap_schema.keys', 'tap_schema.tables', 'target table of a key'),
    ('tap_schema_5', 'tap_schema.key_columns', 'tap_schema.keys', 'key of a pair of columns');

INSERT INTO tap_schema.key_columns VALUES
    ('tap_schema_1', 'schema_name', 'schema_name'),
    ('tap_schema_2', 'table_name', 'table_name'),
    ('tap_schema_3', 'from_table', 'table_name'),
    ('tap_schema_4', 'target_table', 'table_name'),
    ('tap_schema_5', 'key_id', 'key_id');
