"""Where the bytes of an answer go on the command line: standard output, or a file that is there whole or not at all."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click

from epntap.errors import SetupError

__all__ = ["STANDARD_OUTPUT", "destination", "note", "write_blocks"]

STANDARD_OUTPUT = Path("-")
_READABLE = re.compile(r"text/|application/(?!vnd).*(xml|json)")


@contextmanager
def destination(output: Path, media_type: str) -> Iterator[IO[bytes]]:
    """What to write to; a file takes its name at the end, so that a part is never taken for the whole.

    Raises SetupError for a file that cannot be written, and for binary data on a terminal.
    """
    if output == STANDARD_OUTPUT:
        if sys.stdout.isatty() and not _READABLE.match(media_type):
            raise SetupError(f"{media_type} is not for a terminal; give --output FILE, or send it to another program.")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        output = output.resolve()  # what a link leads to is replaced, not the link
        if output.exists() and not output.is_file():  # a pipe or a device, which is no file to take the place of
            with output.open("wb") as device:
                yield device
            return
        with tempfile.NamedTemporaryFile(dir=output.parent, prefix=f".{output.name[:100]}.", delete=False) as file:
            part = Path(file.name)
            try:
                yield file.file
                file.close()
                part.chmod(0o666 & ~_umask())
                part.replace(output)
            finally:
                with suppress(FileNotFoundError):
                    part.unlink()
    except OSError as exc:
        raise SetupError(f"{output} cannot be written: {exc.strerror or exc}.") from exc


def write_blocks(blocks: Iterable[bytes], file: IO[bytes]) -> int:
    """Write all of them, one after the other; how many bytes they were."""
    written = 0
    for block in blocks:
        file.write(block)
        written += len(block)
    return written


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def note(text: str) -> None:
    """Say something beside the answer."""
    click.echo(f"epntap: {text}", err=True)
