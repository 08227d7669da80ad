"""Parameters that several services take."""

from __future__ import annotations

import pytest

from epntap.dali.params import maxrec, read_params
from epntap.errors import ParameterError
from tests.support.source import modules


@pytest.mark.parametrize(
    ("text", "rows"),
    [(None, None), ("", None), ("0", 0), (" 7 ", 7), ("00000000000000000000005", 5), ("9" * 5000, 10**18 - 1)],
)
def test_maxrec_is_a_number_of_rows(text: str | None, rows: int | None) -> None:
    assert maxrec(read_params([] if text is None else [("MaxRec", text)])) == rows


@pytest.mark.parametrize("text", ["-1", "1.0", "1e3", "ten", "٣", "+1", "1 0"])
def test_what_is_no_number_of_rows_is_refused(text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        maxrec(read_params([("MAXREC", text)]))
    assert str(caught.value) == f"MAXREC must be a whole number of rows, 0 or more, but is {text!r}."


def test_maxrec_is_read_in_one_place() -> None:
    assert [path for path, text in modules() if '"MAXREC"' in text] == ["epntap/dali/params.py"]
