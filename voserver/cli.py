"""The command line: every command says in one sentence what went wrong, and then exits with 1.

A command is imported when it is run, so that looking at a service does not wait for what only ingestion needs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import epntap
from epntap.errors import AdqlError, EpnTapError
from epntap.hints import did_you_mean
from epntap.settings import load_settings

__all__ = ["main"]

#: where each command is, and what the list of all says of it
_COMMANDS = {
    "adql": ("epntap.tap.cli:adql_command", "Show the SQL of an ADQL query; run nothing."),
    "check": ("ingest.validation.cli:check", "Check the granules of a service against the rules of EPN-TAP 2.0."),
    "completion": ("voserver.operating.completion:completion", "Print what makes bash, zsh or fish complete commands."),
    "config": ("voserver.operating.upkeep:config", "Show the settings in force, and where each is from."),
    "datasets": ("voserver.prompt.look:datasets", "List the datasets of a service."),
    "definition-schema": (
        "voserver.operating.commands:definition_schema_command",
        "Print the JSON Schema of service definitions, for editors.",
    ),
    "demo": ("voserver.operating.serving:demo", "Make a service of synthetic data, and serve it until Ctrl-C."),
    "doctor": ("voserver.operating.doctor:doctor", "Look whether all that the service needs is there and well."),
    "drop": ("ingest.cli:drop", "Take a service back, with all that is known of it."),
    "events": ("eventtables.cli:events", "Import, list, export, combine tables of events."),
    "get": ("voserver.prompt.ask:get", "Write the data of a granule or dataset, as a whole or between two instants."),
    "group": ("voaccounts.cli.group:group", "Make groups, let people in and out, decide about those who ask."),
    "ingest": ("ingest.cli:ingest", "Load services from their definitions, or bring them up to date."),
    "init": ("voserver.operating.commands:init", "Make the database, or bring it to this version."),
    "new-service": (
        "ingest.newservice.cli:new_service",
        "Guess a service definition from a table or a folder of data.",
    ),
    "psql": ("voserver.operating.upkeep:psql", "Open psql on the database, embedded or not."),
    "query": ("voserver.prompt.ask:query", "Run an ADQL query, here or at another TAP service."),
    "registry-record": (
        "voregistry.cli:registry_record_command",
        "Write the registry record of a service (VODataService 1.2).",
    ),
    "serve": ("voserver.operating.serving:serve", "Answer queries until Ctrl-C."),
    "services": ("voserver.prompt.look:services", "List the services that are published."),
    "setup": ("voserver.operating.setup:setup", "Print files for systemd, nginx or docker that run this installation."),
    "show": ("voserver.prompt.look:show", "Show all that is known of a granule or dataset."),
    "status": ("voserver.operating.commands:status", "Say where the database is and what it publishes."),
    "summarise": (
        "voserver.operating.summarising:summarise_command",
        "Make statistics of every variable in bins, or bring them up to date.",
    ),
    "token": ("voaccounts.cli.token:token", "Make, list, revoke what programs sign in with."),
    "usage": ("voaccounts.cli.usage:usage", "Show what was had of the data, by month, dataset and group."),
    "user": ("voaccounts.cli.user:user", "Add, list, change, disable, remove people who may sign in."),
    "worker": ("voserver.operating.serving:worker", "Run asynchronous jobs until Ctrl-C, on any machine."),
}


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split()).partition(". ")[0].rstrip(".") + "."


class _Commands(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        for one in command.commands.values() if isinstance(command, click.Group) else ():
            # click would cut it where the line ends
            one.short_help = one.short_help or _first_sentence(one.help or "")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"There is no command {args[0]!r}.{did_you_mean(args[0], _COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # whatever the command returns
        try:
            return super().invoke(ctx)
        except EpnTapError as exc:
            for problem in exc.problems if isinstance(exc, AdqlError) else ():
                if problem.excerpt:
                    click.echo(problem.excerpt, err=True)
            click.echo(f"epntap: {exc.message}", err=True)
            ctx.exit(1)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,  # as click has it
    ) -> Any:
        """Run a command line; what is wrong with it is one sentence as well, with exit code 2."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as exc:
            exc.show()
            sys.exit(exc.exit_code)
        except click.ClickException as exc:
            click.echo(f"epntap: {_sentence(exc)}", err=True)
            sys.exit(exc.exit_code)
        except click.Abort:
            click.echo("epntap: given up.", err=True)
            sys.exit(1)
        except BrokenPipeError:
            # whoever read has enough; what is still buffered must not be tried again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        sys.exit(code if isinstance(code, int) else 0)


def _sentence(exc: click.ClickException) -> str:
    said = exc.format_message()
    said = said if said.endswith((".", "?")) else f"{said}."
    context = exc.ctx if isinstance(exc, click.UsageError) else None
    return f"{said} See '{context.command_path} --help'." if context else said


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(epntap.__version__, prog_name="epntap")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (TOML); EPNTAP_* variables win over it.")
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Turn an archive of space plasma data into an EPN-TAP service."""
    ctx.obj = load_settings(file=config)


if __name__ == "__main__":
    sys.exit(main())
