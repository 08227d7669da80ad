"""Code for programs: whatever is in a query, it arrives there as it was."""

from __future__ import annotations

import ast
import subprocess

import pytest

from voweb.query.code import code_of

TAP = "https://example.org/vo/tap"
QUERIES = [
    "SELECT TOP 5 * FROM amdadb.epn_core",
    "SELECT a\nFROM b\nWHERE c = 'it''s'",
    "SELECT \"a\" FROM b WHERE c = '$(touch /tmp/x) `id` $HOME \\ !! '",
    'SELECT 1 -- """\n, 2 -- \\',
    "SELECT '\U0001f600\ue000\U000f0000\x07é' FROM b",
    "@file",
    "-x\n",
]
UPLOADS = [None, "mine", "@/etc/hosts", "a b; touch x", '": 0}); print("', "';`id`\n\\"]


def words(shell: str) -> list[str]:
    """What a program is started with, told by a real shell."""
    name = shell.split(maxsplit=1)[0]
    script = f"{name}() {{ printf '%s\\0' \"$@\"; }}\n{shell}"
    return subprocess.run(["bash", "-c", script], capture_output=True, check=True, text=True).stdout.split("\0")[:-1]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("upload", UPLOADS)
def test_a_query_arrives_as_it_was(query: str, upload: str | None) -> None:
    code = code_of(query, TAP, upload)
    calls = [one for one in ast.walk(ast.parse(code["Python (pyvo)"])) if isinstance(one, ast.Call)]
    constants = [ast.literal_eval(call.args[0]) for call in calls if call.args]
    assert query in constants
    assert TAP in constants
    assert f"QUERY={query}" in words(code["curl"])
    assert f"{TAP}/sync" in words(code["curl"])
    assert f"adql={query}" in words(code["STILTS"])
    assert f"tapurl={TAP}" in words(code["STILTS"])
    if upload is not None:
        (uploads,) = (one.value for call in calls for one in call.keywords if one.arg == "uploads")
        assert ast.literal_eval(uploads) == {upload: "table.vot"}
        said = words(code["curl"])
        assert said[said.index(f"UPLOAD={upload},param:table") - 1] == "--form-string"
        assert "table=@table.vot" in said
        assert f"upname1={upload}" in words(code["STILTS"])


def test_several_lines_stay_readable() -> None:
    assert 'search("""SELECT a\nFROM b""")' in code_of("SELECT a\nFROM b", TAP)["Python (pyvo)"]
