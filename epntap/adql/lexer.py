"""Text → tokens. Collects what cannot be a token instead of stopping at the first."""

from __future__ import annotations

import re

from epntap.adql.tokens import Kind, Source, Token
from epntap.errors import Problem
from epntap.hints import shortened

__all__ = ["tokenize"]

# Blanks that arrive by copy and paste count as blanks outside literals.
_BLANKS = "\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"

# Translation takes about 10 µs for each token, and most tokens become several parts of a statement.
_MAX_TOKENS = 80_000

# A text that is no query at all has as many problems as characters.
_ENOUGH = 10

# Possessive quantifiers keep every alternative linear, whatever the text.
_TOKEN = re.compile(
    rf"""
      (?P<blank>  (?: [\s{_BLANKS}]++ | --[^\n]*+ )++ )
    | (?P<word>   [A-Za-z][A-Za-z0-9_]*+ )
    | (?P<number> (?: \d++ (?:\.\d*+)?+ | \.\d++ ) (?: [eE][+-]?\d++ )?+ (?![A-Za-z0-9_]) )
    | (?P<text>   '[^']*+ (?: ''[^']*+ )*+ ' )
    | (?P<name>   "[^"]*+ (?: ""[^"]*+ )*+ " )
    | (?P<wrong_pair> /\* | == | \*\* | :: | << | >> )
    | (?P<symbol> <> | != | <= | >= | \|\| | [-=<>+*/(),.;] )
    | (?P<curly_text> [\u2018\u2019][^\u2018\u2019']*+[\u2018\u2019'] )
    | (?P<curly_name> [\u201c\u201d\u201e][^\u201c\u201d"]*+[\u201c\u201d"] )
    | (?P<wrong>  [0-9][A-Za-z0-9_.]*+ | _[A-Za-z0-9_]*+ | . )
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)

_ADVICE = {
    "/*": "a comment begins with -- and ends with the line",
    "::": "write CAST(value AS type)",
    "==": "equality is written =",
    "**": "write POWER(x, y)",
    "%": "write MOD(x, y) for the remainder of a division",
    "^": "write POWER(x, y)",
    "&": "ADQL has no bitwise operators; write AND",
    "|": "write || to join strings and OR to join conditions",
    "<<": "ADQL has no bitwise operators",
    ">>": "ADQL has no bitwise operators",
    "~": "write LIKE or ILIKE with % and _ for patterns",
    "!": "write NOT, or <> for inequality",
    "`": 'names are quoted with "double quotes"',
    "[": 'names are quoted with "double quotes"',
    "{": "ADQL has no braces",
    "?": "parameters are not available; write the value itself",
    "\u201a": "strings are quoted with 'single quotes'",
}


def tokenize(source: Source) -> tuple[list[Token], list[Problem]]:
    """All tokens, closed by an END token, and what was wrong on the way."""
    tokens: list[Token] = []
    problems: list[Problem] = []
    end = len(source.text)
    for match in _TOKEN.finditer(source.text):
        group = match.lastgroup
        if group == "blank":
            continue
        spelling = match.group()
        start, stop = match.span()
        if len(tokens) >= _MAX_TOKENS:
            message = f"the query has more than {_MAX_TOKENS} words, literals and signs; shorten it"
            problems.append(source.problem(message, (start, stop)))
            break
        if group == "word":
            tokens.append(Token(Kind.WORD, spelling, start, stop, spelling.upper()))
        elif group == "symbol":
            tokens.append(Token(Kind.SYMBOL, spelling, start, stop, spelling))
        elif group == "number":
            tokens.append(Token(Kind.NUMBER, spelling, start, stop, ""))
        elif group in ("wrong", "wrong_pair"):
            message, stops_here = _what_is_wrong(spelling)
            if stops_here:  # an open quote swallows the rest: one problem, not one for each word behind it
                problems.append(source.problem(message, (start, _line_end(source.text, start))))
                break
            problems.append(source.problem(message, (start, stop)))
            if len(problems) >= _ENOUGH:
                break
        else:
            token, problem = _quoted(source, group or "", spelling, start)
            tokens.append(token)
            problems += problem
    tokens.append(Token(Kind.END, "", end, end, ""))
    return tokens, problems


def _quoted(source: Source, group: str, spelling: str, start: int) -> tuple[Token, list[Problem]]:
    is_text = group.endswith("text")
    value = spelling[1:-1]
    if not group.startswith("curly"):
        quote = spelling[0]
        value = value.replace(quote * 2, quote)
    token = Token(Kind.TEXT if is_text else Kind.NAME, value, start, start + len(spelling), "")
    what = "string" if is_text else "name"
    if "\0" in value:
        return token, [
            source.problem(f"this {what} holds a NUL character, which cannot be stored or compared", token.span)
        ]
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        return token, [source.problem(f"this {what} holds half of a character (a lone surrogate)", token.span)]
    if not is_text and not value:
        return token, [source.problem("a name in double quotes cannot be empty", token.span)]
    return token, []


def _what_is_wrong(spelling: str) -> tuple[str, bool]:  # noqa: PLR0911  # one answer for each case
    spelling = shortened(spelling)
    first = spelling[0]
    if first in "'\u2018\u2019":
        return "this string has no closing quote ' (a quote inside a string is written twice)", True
    if first in '"\u201c\u201d\u201e':
        return 'this name has no closing double quote "', True
    if spelling[:2].lower() == "0x":
        return f"{spelling} is no number: ADQL 2.1 has no hexadecimal literals", False
    if first.isdigit():
        return f'{spelling} is no number; a name that begins with a digit needs double quotes: "{spelling}"', False
    if first == "_":
        return f'a name begins with a letter; write "{spelling}" in double quotes', False
    if spelling in _ADVICE:
        return f"unexpected {spelling}: {_ADVICE[spelling]}", False
    if first.isalpha():
        return f"unexpected letter {first}: names with other letters than a-z need double quotes", False
    return (
        f"unexpected character {first!r}" if first.isprintable() else f"unexpected character U+{ord(first):04X}",
        False,
    )


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end
