-- Descriptions and units are in the language of whoever publishes: any letter may stand there.
SET LOCAL ROLE epntap_owner;

UPDATE tap_schema.columns SET datatype = 'unicodeChar'
WHERE table_name LIKE 'tap\_schema.%' AND column_name IN ('description', 'unit') AND datatype = 'char';
