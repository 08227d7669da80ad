"""Where tables of events are kept: in the schema events, where TAP finds them, and described in archive.event_table."""
