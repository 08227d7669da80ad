"""/query: ADQL for people. What there is to ask, an editor, what it would cost, the answer, and how programs ask."""

from voweb.query.routes import routes

__all__ = ["routes"]
