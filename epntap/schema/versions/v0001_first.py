"""The database as the first releases made it, file by file; one that is there already gets the files it lacks.

Those releases kept in `_yoyo_migration` which files had been applied.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from epntap.schema.scripts import sql_directory
from epntap.schema.upgrade import run_script

revision = "0001"
down_revision = None

_NOTES = ("_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock")


def upgrade() -> None:
    """Apply what is missing, and remove the notes of the program that did so before."""
    connection = op.get_bind()
    done: set[str] = set()
    if connection.scalar(text("SELECT to_regclass('public._yoyo_migration') IS NOT NULL")):
        done.update(connection.scalars(text("SELECT migration_id FROM public._yoyo_migration")))
    for path in sorted((sql_directory() / revision).glob("*.sql")):
        if path.stem not in done:
            run_script(f"{revision}/{path.name}")
    for table in _NOTES:
        op.execute(f"DROP TABLE IF EXISTS public.{table}")
