"""Commands say the same about a database that is not set up, and take the settings that they are given."""

from __future__ import annotations

from epntap.settings import Settings, settings_of
from tests.support.source import modules


def test_the_sentence_about_setup_is_written_once() -> None:
    said = [path for path, text in modules() if 'raise SetupError("The database is not initialised' in text]
    assert said == ["epntap/db/migrate.py"]


def test_given_settings_win_over_those_of_the_environment() -> None:
    given = Settings(port=1234)
    assert settings_of(given) is given
    assert settings_of(None).port != 1234
