"""Whether somebody wants a page, or something for machines."""

from __future__ import annotations

import flask

__all__ = ["wants_page"]


def wants_page() -> bool:
    """Whether a person looks at the answer in a browser.

    Java accepts text/html in whatever it fetches, and TOPCAT is no browser; scripts of pages accept anything.
    """
    accepted = [media.lower() for media, quality in flask.request.accept_mimetypes if quality > 0]
    return "text/html" in accepted and ("application/xhtml+xml" in accepted or accepted == ["text/html"])
