SET LOCAL ROLE epntap_owner;

-- The state of what is published, for the reader, who has no way into the schema archive: a standby that has not heard
-- of a publication is not asked about it.
CREATE VIEW udf.published_version AS
    SELECT version FROM archive.catalog_version;

GRANT SELECT ON udf.published_version TO epntap_service, epntap_reader;
