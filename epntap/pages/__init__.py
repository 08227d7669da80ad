"""Pages for people: the one layout, how it looks, and how templates become pages. No HTTP here."""

from epntap.pages.render import Pages
from epntap.pages.site import Entry, Site

__all__ = ["Entry", "Pages", "Site"]
