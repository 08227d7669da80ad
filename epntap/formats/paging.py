"""Answers in pages: which of several one is, and what asks for the others."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MOST_PAGES", "ROWS_ON_A_PAGE", "Paging"]

#: so many that a page of epn_core with all columns stays well below a megabyte
ROWS_ON_A_PAGE = 250
#: the database counts off the rows of all pages before the one that is asked for, so far and no further
MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class Paging:
    """One of the pages of an answer."""

    number: int
    #: rows of the whole answer, at most
    maxrec: int
    #: what asks for the same again, (name, value), without the format and the page
    asked: tuple[tuple[str, str], ...]
    #: whether the question can be asked again at all: uploads that were posted have gone
    can_ask_again: bool = True

    @property
    def before(self) -> int:
        """Rows on the pages before this."""
        return (self.number - 1) * ROWS_ON_A_PAGE

    @property
    def most(self) -> int:
        """Rows that this page may have."""
        return max(0, min(ROWS_ON_A_PAGE, self.maxrec - self.before))

    @property
    def may_go_on(self) -> bool:
        """Whether another page may follow, if there are more rows."""
        return self.before + self.most < self.maxrec

    @property
    def is_last_that_is_given(self) -> bool:
        """Whether pages end here, whatever there is."""
        return self.number >= MOST_PAGES
