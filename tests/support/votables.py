"""VOTables written by hand, to the letter: what no library would write is what has to be refused."""

from __future__ import annotations

__all__ = ["IDS", "TWO", "votable"]


def votable(fields: str, rows: str = "", *, data: str | None = None, before: str = "") -> bytes:
    """A document with these FIELD elements and TR elements, or this DATA instead."""
    data = f"<DATA><TABLEDATA>{rows}</TABLEDATA></DATA>" if data is None else data
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results"><TABLE>{fields}{data}</TABLE></RESOURCE></VOTABLE>'
    ).encode()


#: the columns of TWO, and two rows
IDS = '<FIELD name="id" datatype="int"/><FIELD name="name" datatype="char" arraysize="*"/>'
TWO = votable(IDS, "<TR><TD>1</TD><TD>one</TD></TR><TR><TD>2</TD><TD/></TR>")
