"""What another service says goes to a terminal: as text, on one line."""

from __future__ import annotations

import pytest

from voserver.prompt.elsewhere import said_in

DOCUMENT = (
    '<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
    '<INFO name="QUERY_STATUS" value="ERROR">{}</INFO></RESOURCE></VOTABLE>'
)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("no\n such\ttable", "no such table"),
        ("\x1b]0;title\x07\x1b[2Jgone", "]0;title [2Jgone"),
        (DOCUMENT.format("no&#x9b;2J table\u202e café"), "no 2J table café"),
    ],
)
def test_commands_for_terminals_are_left_out(body: str, shown: str) -> None:
    assert said_in(body.encode()) == shown
