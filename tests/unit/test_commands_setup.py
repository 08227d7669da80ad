"""Commands say the same about a database that is not set up, and take the settings that they are given."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from epntap.settings import Settings, settings_of
from tests.support.source import modules
from voserver.cli import main
from voserver.process.lock import as_served, only_server


def test_the_sentence_about_setup_is_written_once() -> None:
    said = [path for path, text in modules() if 'raise SetupError("The database is not initialised' in text]
    assert said == ["epntap/db/migrate.py"]


def test_given_settings_win_over_those_of_the_environment() -> None:
    given = Settings(port=1234)
    assert settings_of(given) is given
    assert settings_of(None).port != 1234


def test_addresses_are_those_of_the_server_that_runs(tmp_path: Path) -> None:
    asked = Settings(home=tmp_path)
    assert as_served(asked) is asked
    with only_server(Settings(home=tmp_path, port=8191)):
        assert as_served(asked).base_url == "http://127.0.0.1:8191"
        public = asked.with_changes(public_url="https://tap.example.org")
        assert as_served(public) is public
    assert as_served(asked) is asked


@pytest.mark.parametrize("group", ["events", "group", "setup", "token", "user"])
def test_what_commands_are_for_is_said_whole(group: str) -> None:
    told = CliRunner().invoke(main, [group, "--help"])
    assert (told.exit_code, "..." in told.output.partition("Commands:")[2]) == (0, False)
