"""`epntap new-service`: look at data, guess a definition, show what would come of it, write it down."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table as Grid

from epntap.errors import DefinitionError
from ingest.definition.load import load_definition
from ingest.definition.model import Definition
from ingest.facts import Value
from ingest.newservice.draft import Draft
from ingest.newservice.preview import Preview, preview
from ingest.newservice.survey import survey

__all__ = ["new_service"]

#: columns that come first in a preview, as far as they have a value
_FIRST = (
    "granule_uid",
    "obs_id",
    "granule_gid",
    "dataproduct_type",
    "target_name",
    "target_class",
    "time_min",
    "time_max",
)
_MOST_COLUMNS = 30
_MOST_PROBLEMS = 12
_LONGEST_CELL = 40


@click.command("new-service")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; SCHEMA.toml if not given.")
@click.option("--schema", help="Name of the schema; made from the name of PATH if not given.")
@click.option("--title", help="Title of the service.")
@click.option("--rows", type=click.IntRange(1, 50), default=3, show_default=True, help="Rows to show.")
@click.option("--force", is_flag=True, help="Replace the output file if it is there.")
def new_service(
    path: Path, output: Path | None, schema: str | None, title: str | None, rows: int, *, force: bool
) -> None:
    """Guess a service definition from PATH, which is a table (CSV, TSV, VOTable, Parquet) or a folder.

    A folder may hold PDS3 or PDS4 labels, simulation runs, CDF files, SPASE records, or one table. The first rows are
    shown as they would be published, with everything that is wrong with them, and the definition is written as TOML.
    Columns that nothing fills are NULL. Nothing is published.
    """
    draft = survey(path, schema, title)
    output = output or Path(f"{draft.schema}.toml")
    if output.exists() and not force:
        raise DefinitionError(f"{output} is there already; give another --output, or --force to replace it.")
    definition = _write(draft, output)
    console = Console(width=None if Console().is_terminal else 100, highlight=False)
    kind = definition.sources[0].kind.name
    console.print(f"{path} is read as a source of kind {kind!r}.", markup=False, soft_wrap=True)
    if definition.has_rows:
        _show(console, preview(definition, rows), rows)
    for question in draft.questions:
        console.print(f"? {question}", markup=False, soft_wrap=True)
    console.print(f"Written to {output}. Check it, then run: epntap ingest {output}", markup=False, soft_wrap=True)


def _write(draft: Draft, output: Path) -> Definition:
    """Write the definition, but only if it can be loaded."""
    output.parent.mkdir(parents=True, exist_ok=True)
    trial = output.with_name(f".{output.name}.new")
    try:
        trial.write_text(draft.to_toml(), encoding="utf-8")
        load_definition(trial)
        trial.replace(output)
    except OSError as exc:
        raise DefinitionError(f"{output} cannot be written: {exc.strerror}.") from exc
    finally:
        trial.unlink(missing_ok=True)
    return load_definition(output)


def _show(console: Console, found: Preview, rows: int) -> None:
    grid = Grid(title=f"First {min(rows, len(found.rows))} rows, columns downwards", title_justify="left")
    grid.add_column("column")
    for number in range(1, len(found.rows) + 1):
        grid.add_column(f"row {number}", overflow="fold")
    names = [name for name in _FIRST if name in found.columns]
    names += [name for name in found.columns if name not in names]
    for name in names[:_MOST_COLUMNS]:
        grid.add_row(name, *(_cell(row.get(name)) for row in found.rows))
    if found.rows:
        console.print(grid, markup=False)
    if len(names) > _MOST_COLUMNS:
        console.print(f"and {len(names) - _MOST_COLUMNS} more columns with a value")
    console.print(f"{found.good:,} of the {found.tried:,} rows tried could be published as they are.")
    for sentence, count in found.problems[:_MOST_PROBLEMS]:
        console.print(f"! {sentence} ({count:,} times)", markup=False, soft_wrap=True)
    if len(found.problems) > _MOST_PROBLEMS:
        console.print(f"! and {len(found.problems) - _MOST_PROBLEMS} other problems")


def _cell(value: Value) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
