"""HAPI 3.3: every dataset whose files are held, described from what ingestion keeps and streamed from its files."""
