"""All commands, as `--help` has them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from voserver.cli import main

__all__ = ["commands_page"]

_BEFORE = """\
<!-- made by `python -m tests.reference` of the commands themselves -->
# Commands

Every command of `epntap`, as `epntap COMMAND --help` has it. What goes wrong is one sentence on standard error; the
exit code is then 1, 2 for a command line that cannot be understood, 3 of `ingest` and `summarise` when too much was
refused.
[Operations](../howto/operations.md#commands) says what they are for, day by day.
"""


def commands_page() -> str:
    """The page, with the options of all commands first."""
    context = click.Context(main, info_name="epntap")
    lines = [_BEFORE, "```text", "epntap [OPTIONS] COMMAND …", "```", "", *_options(main, context)]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        lines += _told(command, click.Context(command, info_name=name, parent=context), 2)
    return "\n".join(lines).rstrip() + "\n"


def _told(command: click.Command, context: click.Context, depth: int) -> Iterator[str]:
    path = context.command_path.removeprefix("epntap ")
    yield from ("", f"{'#' * depth} {path}", "", *_paragraphs(command), "")
    yield from ("```text", f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}", "```", "")
    yield from _options(command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _told(below, click.Context(below, info_name=name, parent=context), depth + 1)


def _paragraphs(command: click.Command) -> Iterator[str]:
    """What the command says of itself, its lines joined but for those that it keeps as they are."""
    text = inspect.cleandoc(command.help or "").partition("\f")[0].strip()
    for number, block in enumerate(text.split("\n\n")):
        if number:
            yield ""
        if block.startswith("\b"):
            yield from ("```text", *block.splitlines()[1:], "```")
        else:
            yield " ".join(_plain(line) for line in block.split("\n"))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = [record for param in command.get_params(context) if (record := param.get_help_record(context))]
    records = [(names, said) for names, said in records if said and not names.endswith("--help")]
    if records:
        yield from ("| option | says |", "|---|---|")
        yield from (f"| `{names.replace('|', chr(92) + '|')}` | {_plain(said)} |" for names, said in records)


def _plain(text: str) -> str:
    """Text of a terminal, in which no character is one of Markdown."""
    for character in "\\<>*_|[]":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
