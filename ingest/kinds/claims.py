"""Which dataset a file belongs to: the patterns of a source, matched against paths and Logical_source. No I/O here."""

from __future__ import annotations

import re
from collections import Counter

from epntap.errors import DefinitionError
from epntap.strict import StrictTable
from ingest.files.walk import SUFFIX
from ingest.sources.source import LOGICAL_SOURCE, Claim, Source

__all__ = ["ClaimTable", "glob_to_regex", "read_claims"]


def glob_to_regex(pattern: str) -> re.Pattern[str]:
    """Compile a glob for paths relative to the source.

    `*` and `?` stay within one folder, `**/` stands for any number of folders, `[…]` and `[!…]` for one character.
    A pattern without a slash is about the file name alone, wherever the file is. `.cdf` at its end is met in any case,
    as it is when files are looked for.
    """
    text = pattern if "/" in pattern else f"**/{pattern}"
    suffix = ""
    if text.lower().endswith(SUFFIX):
        text, suffix = text[: -len(SUFFIX)], f"(?i:{re.escape(SUFFIX)})"
    parts: list[str] = []
    position = 0
    while position < len(text):
        if text.startswith("**/", position):
            parts.append("(?:[^/]+/)*")
            position += 3
        elif text[position] == "*":
            parts.append("[^/]*")
            position += 1
        elif text[position] == "?":
            parts.append("[^/]")
            position += 1
        elif text[position] == "[" and (end := text.find("]", position + 2)) > 0:
            inside = text[position + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            parts.append(f"[^/{inside[1:]}]" if inside.startswith("!") else f"[{inside.replace('^', chr(92) + '^')}]")
            position = end + 1
        else:
            parts.append(re.escape(text[position]))
            position += 1
    return re.compile("".join(parts) + suffix)


def read_claims(table: StrictTable) -> tuple[Claim, ...]:
    """The patterns that the key `files` of a source declares, in their order. Raises the table's error."""
    files = table.table("files")
    if files is None:
        return ()
    claims: list[Claim] = []
    for dataset_id in files.names:
        files.texts(dataset_id)
        # as written: file names may hold more than one blank
        value = files.value(dataset_id)
        patterns = value if isinstance(value, list) else [value]
        claims += [Claim(dataset_id, _claim(files, dataset_id, pattern.strip())) for pattern in patterns]
    return tuple(dict.fromkeys(claims))


def _claim(table: StrictTable, dataset_id: str, pattern: str) -> str:
    if pattern.startswith(("/", "~")) or ".." in pattern.split("/"):
        table.fail(f"{dataset_id}: pattern {pattern!r} must stay below the path of the source.")
    if pattern.lower().startswith(LOGICAL_SOURCE.lower()):
        name = pattern[len(LOGICAL_SOURCE) :].strip()
        if not name:
            table.fail(f"{dataset_id}: a name must follow {LOGICAL_SOURCE!r}.")
        return LOGICAL_SOURCE + name
    return pattern


class ClaimTable:
    """The claims of one source and how many files each has claimed."""

    def __init__(self, definition_file: str, source: Source) -> None:
        self._where = f"{definition_file}: {source.name}"
        self._source = source
        self._counts: Counter[Claim] = Counter()
        self._globs = [
            (claim, _compiled(claim, self._where)) for claim in source.files.claims if claim.logical_source is None
        ]
        self._logical_sources: dict[str, list[Claim]] = {}
        for claim in source.files.claims:
            if claim.logical_source is not None:
                self._logical_sources.setdefault(claim.logical_source.casefold(), []).append(claim)

    @property
    def asks_for_logical_source(self) -> bool:
        """Whether a file must be opened to know who claims it, when no glob does."""
        return bool(self._logical_sources)

    def dataset_of(self, path: str, logical_source: str | None = None) -> str | None:
        """Dataset that claims the file, or None.

        The path decides when `logical_source` is not given. Raises DefinitionError when two datasets claim it.
        """
        claims = [claim for claim, regex in self._globs if regex.fullmatch(path)]
        if logical_source is not None:
            claims += self._logical_sources.get(logical_source.casefold(), [])
        owners = {claim.dataset_id: claim for claim in claims}
        if len(owners) > 1:
            first, second = list(owners.values())[:2]
            raise DefinitionError(
                f"{self._where}: the file {path} is claimed twice, by files.{first.dataset_id!r} = {first.pattern!r} "
                f"and files.{second.dataset_id!r} = {second.pattern!r}; a file belongs to one dataset."
            )
        return next(iter(owners), None)

    def count(self, path: str, logical_source: str) -> None:
        """Note that the patterns that match this file have claimed it."""
        self._counts.update(claim for claim, regex in self._globs if regex.fullmatch(path))
        self._counts.update(self._logical_sources.get(logical_source.casefold(), []))

    def idle(self) -> tuple[Claim, ...]:
        """Claims that no file has met so far."""
        return tuple(claim for claim in self._source.files.claims if not self._counts[claim])

    def refuse_idle(self) -> None:
        """Raise DefinitionError for the first pattern that claims nothing, unless the source is `partial`."""
        idle = self.idle()
        if idle and not self._source.files.partial:
            claim = idle[0]
            raise DefinitionError(
                f"{self._where}: files.{claim.dataset_id!r} = {claim.pattern!r} claims no file below "
                f"{self._source.path}; correct the pattern, or set partial = true if files may be missing."
            )


def _compiled(claim: Claim, where: str) -> re.Pattern[str]:
    try:
        return glob_to_regex(claim.pattern)
    except re.error as exc:
        raise DefinitionError(
            f"{where}: files.{claim.dataset_id!r} = {claim.pattern!r} is not a glob pattern: {exc}."
        ) from exc
