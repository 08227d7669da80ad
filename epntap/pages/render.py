"""Templates and what they are filled with.

A template is named by the package that has it in its folder `templates`, as in `datalink.links/page.html`; one without
a package is of the layout. Everything that is filled in is escaped; markup is what templates write.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from epntap.pages.site import Site
from epntap.pages.words import FILTERS
from epntap.xml import xml_legal

__all__ = ["LAYOUT_ASSETS", "Pages"]

#: stylesheets and scripts of the layout
LAYOUT_ASSETS = Path(__file__).parent / "static"
#: below it is what pages load; the next part of the path changes with any of it
STATIC = "/static"


class _Templates(jinja2.BaseLoader):
    """Templates in the packages that use them."""

    def get_source(
        self,
        environment: jinja2.Environment,  # noqa: ARG002  # the base class hands it over
        template: str,
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        package, _, name = template.rpartition("/")
        found = files(package or __package__).joinpath("templates", name)
        try:
            return found.read_text(encoding="utf-8"), str(found), None
        except OSError as exc:
            raise jinja2.TemplateNotFound(template) from exc


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    """The same for all sites, so that each template is compiled once."""
    environment = jinja2.Environment(
        loader=_Templates(),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(FILTERS)
    return environment


@dataclass(frozen=True, slots=True)
class Pages:
    """Makes pages of one site; it is handed to whoever writes some."""

    site: Site = field(default_factory=Site)
    #: folders of what pages load, the first that has a file winning
    assets: Sequence[Path] = (LAYOUT_ASSETS,)
    #: what pages load besides, by name
    others: Mapping[str, bytes] = field(default_factory=dict)
    #: whether one may sign in; who has is said on no page but their own, so that pages may be kept for all
    has_accounts: Callable[[], bool] = lambda: False

    def render(self, template: str, /, **facts: Any) -> str:  # whatever the template says
        """A page; characters that no page may have become U+FFFD."""
        made = (
            _environment()
            .get_template(template)
            .render(facts, site=self.site, at=self.site.at, asset=self.asset, has_accounts=self.has_accounts)
        )
        return xml_legal(made)

    def around(self, template: str, place: str, /, **facts: Any) -> tuple[str, str]:  # whatever the template says
        """What a page has before and after the place of this name, which is filled with something long."""
        mark = f"<{secrets.token_hex(16)}>"
        before, _, after = self.render(template, **{**facts, place: Markup(mark)}).partition(mark)  # noqa: S704
        return before, after

    @property
    def version(self) -> str:
        """Tells pages of this site and software from those of others."""
        return f"{self.site} {self.assets_version}{' accounts' if self.has_accounts() else ''}"

    @property
    def assets_version(self) -> str:
        """Tells what pages load from what they did before."""
        return _assets_version(tuple(self.assets), tuple(sorted(self.others.items())))

    def asset(self, name: str) -> str:
        """The address of a stylesheet or a script, which may be kept for ever."""
        return f"{self.site.prefix}{STATIC}/{self.assets_version}/{name}"


@lru_cache
def _assets_version(folders: tuple[Path, ...], others: tuple[tuple[str, bytes], ...]) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    for name, content in others:
        digest.update(f"{name}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]
