"""The tokens of one query with a place in them, and the ways to complain about what stands there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from epntap.adql.lexer import tokenize
from epntap.adql.nodes import Name
from epntap.adql.tokens import FUNCTION_WORDS, STRUCTURE, Kind, Source, Span, Token
from epntap.catalog.names import RESERVED
from epntap.errors import AdqlError, Problem
from epntap.hints import shortened

__all__ = ["TokenStream"]

# Parentheses, subqueries and functions inside each other. A level costs up to nine Python frames of the thousand
# that the interpreter allows; hand-written queries stay below ten levels.
MAX_DEPTH = 64
# Operands of one chain of joins or set operations: the tree is as deep as the chain is long. Tables of WITH, too.
MAX_CHAIN = 64
# Tables and subqueries in all FROM clauses of a query: PostgreSQL plans so many in 0.1 s.
MAX_TABLES = 256
# Characters of a query. 20 000 identifiers in a list have 700 000.
MAX_LENGTH = 1_000_000


class TokenStream:
    """A cursor over the tokens. Raises AdqlError for characters that make no token.

    Mistakes that leave no doubt about the shape of the query are noted in `problems` and parsing goes on;
    `fail` raises AdqlError with everything noted so far.
    """

    def __init__(self, text: str) -> None:
        self.source = Source(text)
        if len(text) > MAX_LENGTH:
            self.problems: list[Problem] = []
            self.fail(f"the query has {len(text)} characters, but at most {MAX_LENGTH} are taken", (0, 1))
        self.tokens, self.problems = tokenize(self.source)
        if self.problems:  # what follows from characters that cannot be read is not worth a problem of its own
            raise AdqlError(self.problems)
        self.index = 0
        self.token = self.tokens[0]
        self._depth = 0

    def advance(self) -> Token:
        """Take the current token; END is never left behind."""
        token = self.token
        if token.kind is not Kind.END:
            self.index += 1
            self.token = self.tokens[self.index]
        return token

    def following(self, distance: int = 1) -> Token:
        """The token this many places ahead, END behind the last."""
        return self.tokens[min(self.index + distance, len(self.tokens) - 1)]

    def accept(self, word: str) -> Token | None:
        """Take the current token if it is this keyword or symbol."""
        return self.advance() if self.token.word == word else None

    def expect(self, word: str, what: str = "") -> Token:
        """Take this keyword or symbol, or fail."""
        if self.token.word != word:
            self.fail_expected(what or word)
        return self.advance()

    def note(self, message: str, span: Span) -> None:
        """Remember a problem and go on."""
        self.problems.append(self.source.problem(message, span))

    def fail(self, message: str, span: Span) -> NoReturn:
        """Give up with this problem and all noted before."""
        raise AdqlError([*self.problems, self.source.problem(message, span)])

    def fail_expected(self, what: str, advice: str = "") -> NoReturn:
        """Give up because something else stands here."""
        message = f"expected {what} but found {self.found()}"
        self.fail(f"{message}: {advice}" if advice else message, self.token.span)

    def found(self) -> str:
        """The current token as messages call it."""
        token = self.token
        if token.kind is Kind.END:
            return "the end of the query"
        if token.kind is Kind.TEXT:
            return "the string '" + shortened(token.text) + "'"
        if token.kind is Kind.NAME:
            return 'the name "' + shortened(token.text) + '"'
        return f"'{shortened(token.text)}'"

    def name(self, what: str) -> Name:
        """Take an identifier. A reserved word is noted, unless it gives the query its shape: then it is no name."""
        token = self.token
        if token.kind is Kind.NAME:
            self.advance()
            return Name(token.span, token.text, delimited=True)
        if token.kind is not Kind.WORD:
            self.fail_expected(what)
        if token.word in RESERVED:
            if token.word in STRUCTURE and token.word != "TOP":
                self.fail_expected(what, f'{token.word} is a reserved word; as a name it is written "{token.text}"')
            self.note_reserved(token)
        self.advance()
        return Name(token.span, token.text, delimited=False)

    def note_reserved(self, token: Token) -> None:
        """Say how a reserved word is written as a name."""
        advice = "; as a function it needs parentheses" if token.word in FUNCTION_WORDS else ""
        self.note(
            f'{token.word} is a reserved word: to use it as a name write "{token.text}" in double quotes{advice}',
            token.span,
        )

    def optional_alias(self) -> Name | None:
        """[AS] name, or None when no name follows."""
        if self.accept("AS"):
            return self.name("a name after AS")
        token = self.token
        if token.kind is Kind.NAME:
            return self.name("a name")
        if token.kind is not Kind.WORD or token.word in STRUCTURE or self.at_limit():
            return None
        return self.name("a name")

    def at_limit(self) -> bool:
        """Whether LIMIT n stands here; LIMIT alone is an ordinary name in ADQL."""
        return self.token.word == "LIMIT" and self.following().kind is Kind.NUMBER

    def since(self, start: int) -> Span:
        """The span from an offset to the end of the last token taken."""
        return start, self.tokens[self.index - 1].end if self.index else start

    def enter(self) -> None:
        """Count one level of nesting; fails where a query is too deep to be meant."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.fail(f"the query is nested more than {MAX_DEPTH} levels deep; simplify it", self.token.span)

    def leave(self) -> None:
        """The end of what `enter` began; failing ends all levels at once."""
        self._depth -= 1

    @contextmanager
    def nested(self) -> Iterator[None]:
        """One level of nesting."""
        self.enter()
        yield
        self.leave()
