"""What a server hands to the application: its routes, and what is to be known of them."""

from __future__ import annotations

from dataclasses import dataclass

import flask

__all__ = ["Wing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wing:
    """One server. A room makes it with its `routes`; voserver/routes.py has the list of all."""

    name: str
    blueprints: tuple[flask.Blueprint, ...]
    #: every blueprint answers below each of these; its own routes are below
    prefixes: tuple[str, ...] = ("",)
    #: paths at and below which pages of other sites may ask, errors included
    open_to_other_origins: tuple[str, ...] = ()
    #: path of the document that tells what it can do (VOSI 1.1), where it has one
    capabilities: str | None = None

    def register(self, app: flask.Flask) -> None:
        """Let the application answer for this server."""
        for number, prefix in enumerate(self.prefixes):
            for blueprint in self.blueprints:
                # only the first bears the plain name, by which templates and logs know it
                name = f"{blueprint.name}_{number}" if number else blueprint.name
                app.register_blueprint(blueprint, name=name, **({"url_prefix": prefix} if prefix else {}))
