"""The SQL files: roles, rights, functions, triggers, and the tables as the first version made them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import LiteralString

import epntap

__all__ = ["ROLE_PREFIX", "sql_directory", "sql_script"]

#: what the names of the three roles begin with in the files
ROLE_PREFIX = "epntap_"
_ROLE = re.compile(rf"\b{ROLE_PREFIX}(owner|service|reader)\b")


def sql_directory() -> Path:
    """Folder of the SQL files: inside the installed package, or beside it in a checkout."""
    package = Path(epntap.__file__).parent
    installed = package / "_sql"
    return installed if installed.is_dir() else package.parent / "sql"


def sql_script(name: str, role_prefix: str) -> LiteralString:
    """A file below `sql/` with the roles of this installation; the prefix is one that `Settings` lets through."""
    text = (sql_directory() / name).read_text(encoding="utf-8")
    return _ROLE.sub(rf"{role_prefix}\1", text)
