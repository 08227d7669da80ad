"""`epntap completion`: what a shell runs to complete commands, options, schemas and definitions."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

_SHELLS = ("bash", "zsh", "fish")
_PROGRAM = "epntap"


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options, schemas and definitions.

    For bash: epntap completion bash > ~/.local/share/bash-completion/completions/epntap
    """
    found = get_completion_class(shell)
    assert found is not None  # click knows these shells
    told = found(context.find_root().command, {}, _PROGRAM, f"_{_PROGRAM.upper()}_COMPLETE")
    # the version of bash that is found here need not be the one that will read it
    click.echo((told.source_template % told.source_vars()).strip())
