"""The command line: every command says in one sentence what went wrong, and then exits with 1.

A command is imported when it is run, so that looking at a service does not wait for what only ingestion needs.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import epntap
from epntap.errors import EpnTapError
from epntap.settings import load_settings

__all__ = ["main"]

#: where each command is, and what the list of all says of it
_COMMANDS = {
    "adql": ("epntap.tap.cli:adql_command", "Show the SQL of an ADQL query; run nothing."),
    "check": ("ingest.validation.cli:check", "Check the granules of a service against the rules of EPN-TAP 2.0."),
    "definition-schema": (
        "voserver.commands:definition_schema_command",
        "Print the JSON Schema of service definitions, for editors.",
    ),
    "demo": ("voserver.serving:demo", "Make a service of synthetic data, and serve it until Ctrl-C."),
    "drop": ("ingest.cli:drop", "Take a service back, with all that is known of it."),
    "ingest": ("ingest.cli:ingest", "Load services from their definitions, or bring them up to date."),
    "init": ("voserver.commands:init", "Make the database, or bring it to this version."),
    "new-service": (
        "ingest.newservice.cli:new_service",
        "Guess a service definition from a table or a folder of data.",
    ),
    "registry-record": (
        "voregistry.cli:registry_record_command",
        "Write the registry record of a service (VODataService 1.2).",
    ),
    "serve": ("voserver.serving:serve", "Answer queries until Ctrl-C."),
    "status": ("voserver.commands:status", "Say where the database is and what it publishes."),
    "worker": ("voserver.serving:worker", "Run asynchronous jobs until Ctrl-C, on any machine."),
}


class _Commands(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # whatever the command returns
        try:
            return super().invoke(ctx)
        except EpnTapError as exc:
            click.echo(f"epntap: {exc.message}", err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(epntap.__version__, prog_name="epntap")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (TOML); EPNTAP_* variables win over it.")
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Turn an archive of space plasma data into an EPN-TAP service."""
    ctx.obj = load_settings(file=config)


if __name__ == "__main__":
    sys.exit(main())
