"""Pages of docs/reference that are made of the program itself.

`python -m tests.reference` writes them; tests/unit/test_reference_pages.py compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tests.reference.commands import commands_page
from tests.reference.settings import settings_page

__all__ = ["PAGES"]

#: name of the page → what makes its text
PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {"commands.md": commands_page, "settings.md": settings_page},
)
