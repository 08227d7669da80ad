"""Text in XML: what may stand there, and how. The only place that escapes."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

__all__ = ["attribute", "is_ncname", "xml_legal", "xml_text"]


_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: what may stand in texts and in attributes as it is
_PLAIN = re.compile("[ !#-%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
_NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def is_ncname(text: str) -> bool:
    """Whether a text can be an XML ID as it is; letters beyond ASCII would do as well, but not for all readers."""
    return _NCNAME.fullmatch(text) is not None


def xml_legal(text: str) -> str:
    """The text with U+FFFD for characters that XML does not allow."""
    return _ILLEGAL.sub("\ufffd", text)


def xml_text(text: str) -> str:
    """Text for XML content."""
    if _PLAIN.fullmatch(text):  # nearly all texts: escaping looks through them nine times
        return text
    return escape(xml_legal(text))


def attribute(text: str) -> str:
    """Text as the value of an attribute, quotes included; white space survives."""
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    return quoteattr(xml_legal(text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
