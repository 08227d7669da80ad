"""CSV and TSV files with one header line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from epntap.errors import UnreadableFileError
from ingest.tables.sheet import BadRow, Sheet, SheetField
from ingest.tables.values import Raw

__all__ = ["guess_delimiter", "read_delimited"]

#: what may stand between fields, the likeliest first
DELIMITERS = (",", "\t", ";", "|")


def read_delimited(path: Path, delimiter: str | None = None, encoding: str = "utf-8") -> Sheet:
    """The table in a file; lines that are empty or start with `#` before the header are passed over.

    Without a delimiter the likeliest is taken. Raises UnreadableFileError.
    """
    encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
    rows = _lines(path, delimiter or guess_delimiter(path, encoding), encoding)
    header: list[str] = []
    for _, cells in rows:
        if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
            header = [cell.strip() for cell in cells]
            break
    if not header:
        raise UnreadableFileError(f"{path.name} has no header line")
    for name in header:
        if not name or header.count(name) > 1:
            said = "a column without a name" if not name else f"the column {name!r} twice"
            raise UnreadableFileError(f"the header line of {path.name} has {said}")
    return Sheet(tuple(SheetField(name) for name in header), _records(header, rows))


def guess_delimiter(path: Path, encoding: str = "utf-8-sig") -> str:
    """What stands between the fields of the first line that is no comment."""
    try:
        with path.open(encoding=encoding, newline="") as file:
            line = next((line for line in file if line.strip() and not line.lstrip().startswith("#")), "")
    except OSError as exc:
        raise UnreadableFileError(f"{path.name} cannot be opened: {(exc.strerror or 'no reason').lower()}") from exc
    except (UnicodeError, LookupError) as exc:
        raise _wrong_encoding(path, encoding) from exc
    return max(DELIMITERS, key=line.count)


def _lines(path: Path, delimiter: str, encoding: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows with the number of the line that they begin in."""
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            line = 1
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1
    except OSError as exc:
        raise UnreadableFileError(f"{path.name} cannot be opened: {(exc.strerror or 'no reason').lower()}") from exc
    except (UnicodeError, LookupError) as exc:
        raise _wrong_encoding(path, encoding) from exc
    except csv.Error as exc:
        raise UnreadableFileError(f"{path.name} cannot be read from line {line} on: {exc}") from exc


def _wrong_encoding(path: Path, encoding: str) -> UnreadableFileError:
    name = encoding.removesuffix("-sig").upper()
    return UnreadableFileError(f"{path.name} is not {name} text; say which encoding it has, such as latin-1")


def _records(
    header: Sequence[str], rows: Iterator[tuple[int, Sequence[str]]]
) -> Iterator[tuple[str, Mapping[str, Raw] | BadRow]]:
    for line, cells in rows:
        place = f"line {line}"
        if len(cells) == len(header):
            yield place, dict(zip(header, cells, strict=True))
        else:
            yield place, BadRow(f"the row has {len(cells)} fields, but the header has {len(header)}")
