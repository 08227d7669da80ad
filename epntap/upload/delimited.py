"""Reads an uploaded CSV or TSV with a line of names. The types are those that all values of a column fit (RFC 4180)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from epntap.catalog.model import Column, Form
from epntap.errors import UploadError
from epntap.upload.cells import NULL, escape, is_time, real, whole
from epntap.upload.model import LONGEST_CELL_BYTES, MOST_COLUMNS, Content

__all__ = ["read_delimited"]

# a number that begins with 0 is rather a name
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_REAL = re.compile(
    r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?inf(?:inity)?|nan", re.ASCII | re.IGNORECASE
)
#: ECSV 1.0: a comma, or a blank
_ECSV_DELIMITER = re.compile(r"# *delimiter: *['\"]?([, ])")
_INT = 2**31
_LONGEST_LINE = 1_000_000
csv.field_size_limit(LONGEST_CELL_BYTES)  # of the whole process, whose default of 131 072 is no limit of ours
_LONG = 2**63


def read_delimited(open_file: Callable[[], BinaryIO]) -> Content:
    """The table; the file is read twice. Raises UploadError, also while its rows are read."""
    guesses = _guesses(_lines(open_file()))
    columns = [guess.column() for guess in guesses]
    return Content(lambda: columns, _rows(_lines(open_file()), guesses))


@dataclass(slots=True)
class _Guess:
    """What the values of a column can be, as far as they have been seen."""

    name: str
    can_be: set[str] = field(default_factory=lambda: {"int", "long", "double", "timestamp"})
    is_unicode: bool = False
    has_values: bool = False

    def see(self, text: str) -> None:
        if not text:
            return
        self.has_values = True
        self.is_unicode = self.is_unicode or not text.isascii()
        if not self.can_be:
            return
        bare = text.strip()
        if "int" in self.can_be or "long" in self.can_be:
            value = int(bare) if _WHOLE.fullmatch(bare) else None
            if value is None or not -_INT <= value < _INT:
                self.can_be.discard("int")
            if value is None or not -_LONG <= value < _LONG:
                self.can_be.discard("long")
        if "double" in self.can_be and not _is_real(bare):
            self.can_be.discard("double")
        if "timestamp" in self.can_be and not is_time(bare):
            self.can_be.discard("timestamp")

    @property
    def kind(self) -> str:
        if not self.has_values:
            return "text"
        return next((kind for kind in ("int", "long", "double", "timestamp") if kind in self.can_be), "text")

    def column(self) -> Column:
        match self.kind:
            case "int":
                return Column(self.name, "int", pg_type="integer")
            case "long":
                return Column(self.name, "long", pg_type="bigint")
            case "double":
                return Column(self.name, "double", pg_type="double precision")
            case "timestamp":
                return Column(self.name, "char", "*", "timestamp", form=Form.LOOSE_DALI_TEXT)
        return Column(self.name, "unicodeChar" if self.is_unicode else "char", "*")

    def read(self) -> Callable[[str], str]:
        match self.kind:
            case "int" | "long" as kind:
                return whole(kind)
            case "double":
                return real("double")
        return lambda text: escape(text) if text else NULL


def _is_real(text: str) -> bool:
    # a name such as 007 or an identifier of twenty digits would lose something
    digits = text.lstrip("+-")
    return _REAL.fullmatch(text) is not None and not (digits[:1] == "0" and digits[1:2].isdigit())


def _lines(file: BinaryIO) -> Iterator[Sequence[str]]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        first, separator = _first_line(text)
        yield from csv.reader(_chained(first, text), delimiter=separator, strict=True)
    except UnicodeDecodeError:
        raise UploadError(
            "The upload is neither a VOTable nor Parquet, and no CSV in UTF-8 either; send one of these."
        ) from None
    except csv.Error as exc:
        raise UploadError(f"The CSV cannot be read: {exc}.") from exc
    finally:
        if not file.closed:
            text.detach()  # the file stays open for the second time


def _first_line(text: io.TextIOWrapper) -> tuple[str, str]:
    """The line of names, and what stands between values: comments before it are left out, but for what ECSV says."""
    line = text.readline(_LONGEST_LINE)
    is_ecsv, told = line.startswith("# %ECSV"), ""
    while line.startswith("#"):
        if is_ecsv and (found := _ECSV_DELIMITER.match(line)):
            told = found[1]
        line = text.readline(_LONGEST_LINE)
    if line.lstrip().startswith(("{", "[")):
        raise UploadError("The upload looks like JSON, which is not taken; send CSV, a VOTable or Parquet.")
    return line, told or _separator(line, " " if is_ecsv else ",")


def _separator(names: str, otherwise: str) -> str:
    """What stands between values: the first of comma, tab, semicolon and bar that stands between names."""
    outside = re.sub(r'"[^"]*"', "", names)
    if "," in outside:
        return ","
    return next((mark for mark in "\t;|" if mark in outside), otherwise)


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _guesses(lines: Iterator[Sequence[str]]) -> list[_Guess]:
    names = next(lines, None)
    if not names or not any(name.strip() for name in names):
        raise UploadError("The upload is empty; a CSV begins with a line of column names.")
    if "\0" in "".join(names):
        raise UploadError("The upload is neither a VOTable nor Parquet nor CSV; send one of these.")
    if len(names) > MOST_COLUMNS:
        raise UploadError(f"The uploaded table has more than {MOST_COLUMNS:,} columns.")
    guesses = [_Guess(name.strip()) for name in names]
    for n, line in enumerate(lines, start=2):
        if not line:
            continue
        if len(line) != len(guesses):
            raise UploadError(
                f"Record {n:,} of the CSV has {len(line)} values, but the first line has {len(guesses)} names."
            )
        for guess, text in zip(guesses, line, strict=True):
            guess.see(text)
    return guesses


def _rows(lines: Iterator[Sequence[str]], guesses: Sequence[_Guess]) -> Iterator[str]:
    readers = [guess.read() for guess in guesses]
    next(lines, None)
    rows = 0
    for line in lines:
        if not line:
            continue
        rows += 1
        try:
            yield "\t".join([read(text) for read, text in zip(readers, line, strict=True)])
        except ValueError:
            raise UploadError(_what_is_wrong(rows, line, guesses, readers)) from None


def _what_is_wrong(
    row: int, line: Sequence[str], guesses: Sequence[_Guess], readers: Sequence[Callable[[str], str]]
) -> str:
    for text, guess, read in zip(line, guesses, readers, strict=True):
        try:
            read(text)
        except ValueError as exc:
            return f"Row {row:,} of the upload, the column {guess.name}: {exc}."
    return f"Row {row:,} of the upload cannot be read."
