-- Who may do what. The reader sees published metadata here; published tables are granted one by one.
GRANT USAGE ON SCHEMA archive TO epntap_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA archive TO epntap_service;
GRANT USAGE ON SCHEMA tap_schema TO epntap_service, epntap_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tap_schema TO epntap_service;
GRANT SELECT ON ALL TABLES IN SCHEMA tap_schema TO epntap_reader;
GRANT USAGE ON SCHEMA udf TO epntap_service, epntap_reader;
