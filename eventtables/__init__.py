"""Event tables: time tables and catalogues of events, read, kept, combined, and written as each client reads them."""
