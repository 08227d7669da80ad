"""What the parameters of the job tree mean, and what is no value of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from epntap.dali.params import read_params
from epntap.errors import ParameterError
from epntap.uws.model import Filters, Phase, is_job_id
from epntap.uws.params import duration, filters, instant, required, wait_seconds


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00", "2026-03-01 12:00:00.000", " 2026-03-01T13:00:00+01:00 "],
)
def test_instants(text: str) -> None:
    assert instant("AFTER", text) == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "1e9", "0001-01-01T00:00:00+23:00"])
def test_no_instants(text: str) -> None:
    with pytest.raises(ParameterError, match="DESTRUCTION must be a time such as"):
        instant("DESTRUCTION", text)


def test_duration() -> None:
    assert [duration(text) for text in ("0", " 60 ", "999999999")] == [0, 60, 999_999_999]
    for text in ("-1", "1.5", "", "1e3", "٣", "9" * 10):
        with pytest.raises(ParameterError, match="EXECUTIONDURATION must be a whole number"):
            duration(text)


@pytest.mark.parametrize(("text", "seconds"), [("-1", -1), ("0", 0), ("2.5", 2.5), ("inf", float("inf"))])
def test_wait(text: str, seconds: float) -> None:
    assert wait_seconds(read_params([("wait", text)])) == seconds
    assert wait_seconds({}) is None


@pytest.mark.parametrize("pairs", [[("WAIT", "long")], [("WAIT", "nan")], [("WAIT", "1"), ("wait", "2")]])
def test_no_wait(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(ParameterError, match="WAIT"):
        wait_seconds(read_params(pairs))


def test_filters() -> None:
    pairs = [("phase", "completed"), ("PHASE", "ERROR"), ("After", "2026-03-01"), ("LAST", "5")]
    assert filters(read_params(pairs)) == Filters((Phase.COMPLETED, Phase.ERROR), datetime(2026, 3, 1, tzinfo=UTC), 5)
    assert filters({}) == Filters()


@pytest.mark.parametrize("pair", [("PHASE", "RUNNING"), ("LAST", "0"), ("LAST", "-1"), ("LAST", "x"), ("AFTER", "x")])
def test_no_filters(pair: tuple[str, str]) -> None:
    with pytest.raises(ParameterError, match=pair[0]):
        filters(read_params([pair]))


def test_a_missing_value_is_said_with_an_example() -> None:
    with pytest.raises(ParameterError, match="post for example PHASE=RUN"):
        required({}, "PHASE", "RUN")


@pytest.mark.parametrize("text", ["", "..", "0" * 31, "0" * 33, "G" * 32, "0" * 31 + "\n", "../" * 11])
def test_names_that_no_job_has(text: str) -> None:
    assert not is_job_id(text)
