"""Contents of a service brought into the database, in one step that readers see whole or not at all."""
