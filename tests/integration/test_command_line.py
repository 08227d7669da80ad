"""The commands for people: query, get, services, datasets, show, psql, config, doctor, setup, completion."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
import yaml  # type: ignore[import-untyped]  # its types are another package

from epntap.archive.files import write_files
from epntap.archive.model import ArchiveFile
from epntap.db.pool import Database
from epntap.db.server import open_database
from epntap.settings import Settings
from tests.support.asking import query as over_http
from tests.support.asking import request
from tests.support.command import run, run_in, run_process, sentence
from tests.support.places import ROOT
from tests.support.server import Server, serve

LIST = "SELECT granule_uid, time_min, target_name FROM amdadb.epn_core ORDER BY granule_uid"
DAY = "syna-mag_20161231"


@pytest.fixture
def here(demo_database: Database, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation that publishes the samples."""
    return {"EPNTAP_DATABASE_URL": demo_database.url, "EPNTAP_HOME": str(tmp_path / "home")}


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Standard output of a command that succeeded."""
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- query


def test_a_query_answers_as_over_http(here: dict[str, str], served: Server) -> None:
    here["EPNTAP_PUBLIC_URL"] = served.base
    printed = said(run("query", LIST, "--format", "csv", **here))
    assert printed == over_http(served, LIST)[2]


def test_a_table_is_for_people(here: dict[str, str]) -> None:
    lines = said(run("query", LIST, **here)).splitlines()
    assert len(lines) == 64
    assert lines[0].split() == ["#", "granule_uid", "time_min", "target_name"]
    assert re.fullmatch(r'syna-mag_20161229 +2457751.5 "Earth#Sun#Solar Wind"', lines[1])


def test_a_cut_answer_says_so(here: dict[str, str]) -> None:
    done = run("query", LIST, "--format", "csv", "--maxrec", "5", **here)
    assert done.stdout.count("\n") == 6
    assert done.stderr.splitlines() == [
        "epntap: the answer holds the first 5 rows; there are more, which --maxrec lets through."
    ]
    assert run("query", LIST, "--format", "csv", **here).stderr == ""


def test_the_name_of_the_file_says_the_format(here: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    assert said(run("query", LIST, "--output", str(file), **here)) == ""
    assert pq.read_table(file).num_rows == 63
    assert list(tmp_path.glob(".rows*")) == []


def test_what_fails_leaves_no_file(here: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("of before")
    wrong = "SELECT 1 / (time_min - time_min) AS x FROM amdadb.epn_core"
    assert "division by zero" in sentence(run("query", wrong, "--output", str(file), **here))
    assert file.read_text() == "of before"
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["rows.csv"]
    assert "cannot be written" in sentence(run("query", LIST, "--output", str(tmp_path / "no" / "x.csv"), **here))


def test_a_wrong_query_is_shown_with_its_place(here: dict[str, str]) -> None:
    done = run("query", "SELECT granule_ud FROM amdadb.epn_core", **here)
    assert done.returncode == 1
    *place, last = done.stderr.splitlines()
    assert place == ["SELECT granule_ud FROM amdadb.epn_core", "       ^^^^^^^^^^"]
    assert last.startswith("epntap: there is no column granule_ud")
    assert "Did you mean" in sentence(run("query", LIST, "--format", "parqet", **here))


def test_a_reader_who_has_enough_gets_no_traceback(here: dict[str, str]) -> None:
    many = "SELECT a.* FROM amdadb.epn_core a, amdadb.epn_core b, amdadb.epn_core c"
    command = [sys.executable, "-m", "voserver.cli", "query", many, "--format", "csv"]
    with subprocess.Popen(
        command, env={**os.environ, **here}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b""


def test_memory_does_not_grow_with_the_rows(here: dict[str, str]) -> None:
    few, many = (
        f"SELECT TOP {rows} a.* FROM amdadb.epn_core a, amdadb.epn_core b, amdadb.epn_core c"
        for rows in (1000, 240_000)
    )
    script = (
        "import resource, sys; from voserver.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    peaks = []
    for text in (few, many):
        done = subprocess.run(
            [sys.executable, "-c", script, "query", text, "--format", "csv"],
            env={**os.environ, **here},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
        peaks.append(int(done.stderr) * 1024)
    assert peaks[1] - peaks[0] < 40_000_000, "60 MB of rows were written"


def test_another_service_is_asked(here: dict[str, str], served: Server, tmp_path: Path) -> None:
    elsewhere = {"EPNTAP_HOME": str(tmp_path / "nothing"), "EPNTAP_DATABASE_URL": ""}
    told = ["--url", served.tap]
    assert said(run("query", LIST, *told, "--format", "csv", **elsewhere)) == over_http(served, LIST)[2]
    table = said(run("query", LIST, *told, **elsewhere)).splitlines()
    assert table[1:] == said(run("query", LIST, **here)).splitlines()[1:]
    cut = run("query", LIST, *told, "--maxrec", "2", "--format", "csv", **elsewhere)
    assert cut.stdout.count("\n") == 3
    wrong = sentence(run("query", "SELECT x FROM nothing", *told, **elsewhere))
    assert "refuses the query" in wrong
    assert "nothing" in wrong
    assert "nothing answers at this address" in sentence(
        run("query", "S", "--url", "http://127.0.0.1:1/tap", **elsewhere)
    )
    assert "nothing is there" in sentence(run("query", "S", "--url", f"{served.base}/nothing", **elsewhere))


# -- get


def test_get_gives_what_http_gives(here: dict[str, str], served: Server) -> None:
    here["EPNTAP_PUBLIC_URL"] = served.base
    interval = ["--start", "2016-12-31T23:59:50", "--stop", "2017-01-01T00:00:00"]
    asked = "&".join(f"{name[2:].upper()}={value}" for name, value in zip(interval[::2], interval[1::2], strict=True))
    for form in ("CSV", "TXT", "VOTable"):
        printed = said(run("get", DAY, *interval, "--format", form, "--output", "-", **here))
        assert printed == request(served, "GET", f"/datalink/soda/sync?ID={DAY}&{asked}&FORMAT={form}")[2]
        assert len(printed) > 100


def test_a_whole_granule_is_its_file(here: dict[str, str], tmp_path: Path) -> None:
    (original,) = re.findall(r"^  (/\S+\.cdf)  ", said(run("show", DAY, **here)), re.MULTILINE)
    told = run_in(tmp_path, "get", DAY, **here)
    assert f"epntap: {DAY}.cdf: " in told.stderr
    assert (tmp_path / f"{DAY}.cdf").stat().st_size > 100_000
    assert Path(original).is_file()
    assert "There is a file" in sentence(run_in(tmp_path, "get", DAY, **here))


def test_published_files_are_given_as_they_are(here: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "map.jpg"
    assert run("get", "image-000-038", "--output", str(target), **here).returncode == 0
    (original,) = [
        Path(one["path"]) for one in json.loads(said(run("show", "image-000-038", "--json", **here)))["files"]
    ]
    assert target.read_bytes() == original.read_bytes()
    assert "published as it is" in sentence(run("get", "image-000-038", "--format", "csv", **here))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nope"], "There is no granule 'nope'"),
        ([DAY, "--start", "yesterday"], "yesterday"),
        ([DAY, "--start", "2018-01-01", "--stop", "2018-01-02"], "no record in this interval"),
        ([DAY, "--start", "2017-01-02", "--stop", "2017-01-01"], "STOP must be later than START"),
        ([DAY, "--parameters", "B_vektor"], "B_vektor"),
        ([DAY, "--schema", "amdab"], "amdab"),
        ([DAY, "--format", "cvs"], "Did you mean 'csv'?"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(here: dict[str, str], arguments: list[str], expected: str) -> None:
    assert expected in sentence(run("get", *arguments, "--output", "-", **here))


# -- services, datasets, show


def test_services_and_datasets_are_what_tap_says(here: dict[str, str], served: Server) -> None:
    services = json.loads(said(run("services", "--json", **here)))
    assert [one["schema_name"] for one in services] == ["amdadb", "illu67p", "transplanet"]
    assert [one["granule_count"] for one in services] == [63, 540, 10]
    listed = json.loads(said(run("datasets", "amdadb", "--json", **here)))
    rows = over_http(
        served, "SELECT dataset_id, title, granule_count, file_count FROM amdadb.dataset ORDER BY dataset_id"
    )[2]
    told = [[one["dataset_id"], one["title"], str(one["granules"]), str(one["files"])] for one in listed]
    assert told == list(csv.reader(io.StringIO(rows)))[1:]
    assert {one["target_name"] for one in listed} == {"Earth#Sun#Solar Wind", "Earth", "Mars#Solar Wind"}
    assert [line.split()[:2] for line in said(run("services", **here)).splitlines()[1:]] == [
        ["amdadb", "63"],
        ["illu67p", "540"],
        ["transplanet", "10"],
    ]
    assert len(said(run("datasets", "amdadb", **here)).splitlines()) == 10
    assert "Did you mean 'amdadb'?" in sentence(run("datasets", "amdab", **here))


def test_show_tells_a_granule_and_a_dataset(here: dict[str, str]) -> None:
    granule = said(run("show", DAY, **here))
    assert granule.startswith(f"granule {DAY} of amdadb\n")
    assert re.search(r"time_min +2457753\.5  \(2016-12-31T00:00:00\)", granule)
    assert re.search(r"access_url +http://127\.0\.0\.1:8080/data/amdadb/syna-mag_20161231\.cdf", granule)
    dataset = json.loads(said(run("show", "syna-mag", "--json", **here)))
    assert (dataset["kind"], dataset["schema"]) == ("dataset", "amdadb")
    assert [one["name"] for one in dataset["parameters"]] == ["B_vector", "B_magnitude", "quality_flag"]
    assert "B_vector [nT]" in said(run("show", "syna-mag", **here))
    assert "There is no granule or dataset" in sentence(run("show", "nope", **here))


# -- psql, config, doctor


def test_psql_opens_the_database(here: dict[str, str]) -> None:
    if shutil.which("psql") is None:
        assert "There is no program psql" in sentence(run_process("psql", "-c", "SELECT 1", **here))
        return
    assert said(run_process("psql", "-At", "-c", "SELECT count(*) FROM amdadb.epn_core", **here)) == "63\n"
    assert run_process("psql", "-v", "ON_ERROR_STOP=1", "-c", "SELECT x", **here).returncode == 1


def test_psql_does_not_show_a_password() -> None:
    secret = {"EPNTAP_DATABASE_URL": "postgresql://me:hidden@db.example.org:5433/x"}
    printed = said(run("psql", "--print", **secret))
    assert "hidden" not in printed
    assert "db.example.org" in printed
    assert "5433" in printed
    without = run("psql", **secret, PATH="/nowhere")
    assert "hidden" not in without.stderr
    assert "There is no program psql in PATH" in sentence(without)


@pytest.fixture
def embedded() -> Iterator[dict[str, str]]:
    """An embedded home of its own."""
    folder = Path(tempfile.mkdtemp(prefix="epntap-cli-", dir="/tmp"))
    yield {"EPNTAP_HOME": str(folder / "home"), "EPNTAP_DATABASE_URL": ""}
    shutil.rmtree(folder, ignore_errors=True)


def test_an_embedded_database_is_opened_and_left(embedded: dict[str, str]) -> None:
    assert "There is no epntap database" in sentence(run_process("psql", "-c", "SELECT 1", **embedded))
    assert said(run_process("init", **embedded))
    assert said(run_process("psql", "-At", "-c", "SELECT current_database()", **embedded)) == "epntap\n"
    assert not Path(embedded["EPNTAP_HOME"], "pg", "postmaster.pid").exists()
    healthy = run_process("doctor", **embedded)
    assert healthy.returncode == 0, healthy.stdout
    assert "embedded PostgreSQL" in healthy.stdout
    assert "nothing is published yet" in said(run_process("services", **embedded))


def test_config_says_what_is_in_force_and_where_from(tmp_path: Path) -> None:
    file = tmp_path / "epntap.toml"
    file.write_text('port = 9000\nworkers = 3\ndatabase_url = "postgresql://me:hidden@db.example.org/x"\n')
    told = json.loads(said(run("--config", str(file), "config", "--json", EPNTAP_PORT="9001")))
    assert told["EPNTAP_PORT"] == {"value": "9001", "from": "environment"}
    assert told["EPNTAP_WORKERS"] == {"value": "3", "from": str(file)}
    assert told["EPNTAP_THREADS"] == {"value": "32", "from": "default"}
    assert told["EPNTAP_DATABASE_URL"] == {"value": "postgresql://me:…@db.example.org/x", "from": str(file)}
    text = said(run("--config", str(file), "config", EPNTAP_PUBLIC_JOBS="yes"))
    assert "hidden" not in text
    assert re.search(rf"^EPNTAP_WORKERS +=\ 3   # {file}$", text, re.MULTILINE)
    assert re.search(r"^EPNTAP_PUBLIC_JOBS +=\ 1   # environment$", text, re.MULTILINE)


@pytest.mark.parametrize(
    "url",
    [
        "host=db.example.org user=me password=hidden",
        "postgresql://db.example.org/x?user=me&password=hidden",
        "postgresql://me:other@db.example.org/x?password=hidden",
        "postgresql://me@db.example.org:5432/x?password=a@hidden",
        "host=db.example.org user=me password=hidden://b:c@d",
        "host=db.example.org user=me sslpassword=hidden",
    ],
)
def test_config_hides_every_form_of_password(url: str) -> None:
    printed = said(run("config", EPNTAP_DATABASE_URL=url))
    assert "hidden" not in printed
    assert "db.example.org" in printed


def found_by_doctor(code: int, **environ: str) -> dict[str, tuple[str, str]]:
    done = run("doctor", "--json", **environ)
    assert done.returncode == code, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert bool(told["faults"]) == (code == 1)
    return {one["what"]: (one["verdict"], one["said"]) for one in told["found"]}


def test_doctor_finds_a_served_installation_well(demo_database: Database, tmp_path: Path) -> None:
    with serve(demo_database, tmp_path / "home", public_url="https://tap.example.org", job_workers="1") as server:
        here = {"EPNTAP_DATABASE_URL": demo_database.url, "EPNTAP_HOME": str(tmp_path / "home")}
        # its worker says so when it has started, which takes seconds on a busy machine
        deadline = time.monotonic() + 60
        while "1 worker alive" not in (said := run("doctor", **here).stdout):
            assert time.monotonic() < deadline, said
            time.sleep(0.5)
        found = found_by_doctor(0, EPNTAP_PUBLIC_URL="https://tap.example.org", **here)
        assert {what: verdict for what, (verdict, _) in found.items() if verdict not in {"fine", "note"}} == {}
        assert str(server.pid) in found["workers"][1]
        assert "1 worker alive" in found["workers"][1]
    assert {"address", "home", "database", "connections", "pg_trgm", "pg_sphere", "roles", "setup", "archive"} <= set(
        found
    )


def test_doctor_warns_of_addresses_that_lead_nowhere(here: dict[str, str]) -> None:
    assert found_by_doctor(0, EPNTAP_HOST="0.0.0.0", **here)["address"][0] == "warning"
    assert found_by_doctor(0, EPNTAP_HOST="0.0.0.0", EPNTAP_ALLOWED_HOSTS="a.example", **here)["address"][0] == "fine"
    assert found_by_doctor(0, EPNTAP_QUERY_CONNECTIONS="900", **here)["connections"][0] == "warning"


def test_a_folder_that_cannot_be_written_is_told_before_it_is_needed(here: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    wrong = {f"EPNTAP_{what}": str(tmp_path / "file" / what) for what in ("RESULTS", "SUMMARIES", "PREVIEWS")}
    found = found_by_doctor(1, **here, **wrong)
    for what in ("results", "summaries", "previews"):
        verdict, said = found[what]
        assert (verdict, said.endswith(f"file is no folder; set EPNTAP_{what.upper()} to another")) == ("fault", True)


def test_doctor_finds_what_is_wrong(database: Database, tmp_path: Path) -> None:
    here = {"EPNTAP_DATABASE_URL": database.url, "EPNTAP_HOME": str(tmp_path / "home")}
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO archive.service (schema_name, title, first_ingested, last_ingested)"
            " VALUES ('gone', 'Gone', now(), now())"
        )
        connection.execute("INSERT INTO archive.dataset (schema_name, dataset_id, title) VALUES ('gone', 'd', 'D')")
        write_files(connection, "gone", [ArchiveFile("d", "/no/such/folder", "a.cdf", 1, 1, None, None, 1)])
        connection.execute("DROP EXTENSION pg_trgm CASCADE")
    found = found_by_doctor(1, **here)
    assert found["archive"] == ("fault", "gone: the folder /no/such/folder of 1 files cannot be read")
    assert found["pg_trgm"][0] == "warning"
    away = found_by_doctor(1, EPNTAP_HOME=str(tmp_path), EPNTAP_DATABASE_URL="postgresql://127.0.0.1:1/x")
    assert away["database"][0] == "fault"
    assert "cannot be reached" in away["database"][1]
    none = found_by_doctor(1, EPNTAP_HOME=str(tmp_path / "none"), EPNTAP_DATABASE_URL="")
    assert "run 'epntap init' first" in none["database"][1]


# -- setup


def files_of(printed: str) -> dict[str, str]:
    parts = re.split(r"(?m)^# (/etc/\S+)\n", printed)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_units_are_for_this_installation(tmp_path: Path) -> None:
    definition = tmp_path / "my service.toml"
    definition.write_text("")
    settings = {
        "EPNTAP_HOME": "/var/lib/epntap",
        "EPNTAP_DATABASE_URL": "postgresql://epntap:hidden@127.0.0.1/epntap",
        "EPNTAP_PUBLIC_URL": "https://tap.example.org",
        "EPNTAP_LOG_FILE": "/var/log/epntap/epntap.json",
    }
    printed = said(run("setup", "systemd", str(definition), "--user", "tap", **settings))
    files = files_of(printed)
    assert [Path(name).name for name in files] == [
        "epntap.env", "epntap.service", "epntap-ingest.service", "epntap-ingest.timer",
    ]  # fmt: skip
    unit = files["/etc/systemd/system/epntap.service"]
    assert f"ExecStart={sys.prefix}/bin/epntap serve\n" in unit
    assert "User=tap\n" in unit
    assert "StateDirectory=epntap\nReadWritePaths=/var/log/epntap\n" in unit
    assert f'ingest --wait --quiet "{definition}"\n' in files["/etc/systemd/system/epntap-ingest.service"]
    assert "hidden" not in printed
    assert "EPNTAP_PUBLIC_URL='https://tap.example.org'\n" in files["/etc/epntap.env"]
    assert "EPNTAP_PORT" not in printed, "what is a default is not repeated"
    assert list(files_of(said(run("setup", "systemd", **settings)))) == [
        "/etc/epntap.env",
        "/etc/systemd/system/epntap.service",
    ]
    assert "would misread" in sentence(run("setup", "systemd", "--user", "a\nExecStart=x", **settings))


def test_files_that_were_edited_are_left_as_they_are(tmp_path: Path) -> None:
    settings = {"EPNTAP_HOME": "/var/lib/epntap", "EPNTAP_DATABASE_URL": "postgresql://epntap:hidden@127.0.0.1/epntap"}
    write = ("setup", "systemd", "--output", str(tmp_path))
    assert said(run(*write, **settings)) == said(run(*write, **settings))
    kept = tmp_path / "epntap.env"
    assert kept.stat().st_mode & 0o777 == 0o600
    edited = kept.read_text().replace("…", "hidden")
    kept.write_text(edited)
    refused = sentence(run(*write, **settings, EPNTAP_PORT="9009"))
    assert f"another file {kept}" in refused
    assert kept.read_text() == edited
    assert "9009" not in (tmp_path / "epntap.service").read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    definition = tmp_path / "a%b.toml"
    definition.write_text("")
    folder = tmp_path / "units"
    told = said(run("setup", "systemd", str(definition), "--user", "root", "--output", str(folder)))
    assert f"{folder}/epntap.service: belongs at /etc/systemd/system/epntap.service\n" in told
    units = sorted(str(path) for path in folder.glob("epntap*.*") if path.suffix != ".env")
    assert len(units) == 3
    for unit in units:  # the program need not be where the tests run
        text = Path(unit).read_text()
        Path(unit).write_text(
            text.replace(f"{sys.prefix}/bin/epntap", "/bin/true").replace("/etc/epntap.env", "-/etc/x")
        )
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert not [line for line in done.stderr.splitlines() if "epntap" in line], done.stderr


def test_nginx_needs_an_address() -> None:
    assert "Set EPNTAP_PUBLIC_URL" in sentence(run("setup", "nginx"))
    printed = said(run("setup", "nginx", EPNTAP_PUBLIC_URL="https://tap.example.org/epn", EPNTAP_SYNC_TIMEOUT_S="600"))
    assert "location /epn/ {" in printed
    assert "proxy_read_timeout 900s;" in printed
    assert "listen 443 ssl;" in printed
    assert "would misread" in sentence(run("setup", "nginx", EPNTAP_PUBLIC_URL="http://a.example/{x}"))


def test_the_compose_file_is_that_of_the_source_tree_with_these_settings(tmp_path: Path) -> None:
    settings = {"EPNTAP_PUBLIC_URL": "https://tap.example.org/$a", "EPNTAP_PORT": "9009", "EPNTAP_MAXREC_DEFAULT": "7"}
    told = yaml.safe_load(said(run("setup", "docker", "--archive", str(tmp_path), **settings)))
    kept = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert told["services"].keys() == kept["services"].keys()
    web, worker = told["services"]["web"], told["services"]["worker"]
    assert web["build"] == {"context": str(ROOT), "target": "web"}
    assert web["ports"] == ["127.0.0.1:9009:8080"]
    assert web["volumes"][-1] == worker["volumes"][-1] == f"{tmp_path}:/archive:ro"
    for service in (web, worker):
        assert service["environment"]["EPNTAP_PUBLIC_URL"] == "https://tap.example.org/$$a"
        assert service["environment"]["EPNTAP_MAXREC_DEFAULT"] == "7"
        assert "EPNTAP_HOME" not in service["environment"]
    assert web["environment"]["EPNTAP_JOB_WORKERS"] == "0"
    assert told["services"]["database"] == {
        **kept["services"]["database"],
        "build": {**kept["services"]["database"]["build"], "context": str(ROOT)},
    }


# -- completion, and command lines that are wrong


def completed(line: str, **environ: str) -> list[str]:
    count = str(line.count(" "))
    asked = {"_EPNTAP_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": count}
    done = run(**environ, **asked)
    assert (done.returncode, done.stderr) == (0, "")
    return [text.partition(",")[2] for text in done.stdout.splitlines() if text]


def test_commands_schemas_and_definitions_are_completed(here: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("")
    (tmp_path / "mine.txt").write_text("")
    assert completed("epntap da", **here) == ["datasets"]
    assert completed("epntap datasets ", **here) == ["amdadb", "illu67p", "transplanet"]
    for command in ("datasets", "check", "drop", "registry-record"):
        assert completed(f"epntap {command} i", **here) == ["illu67p"]
    assert completed(f"epntap ingest {tmp_path}/mi", **here) == [f"{tmp_path}/mine.toml"]
    assert completed("epntap datasets --j", **here) == ["--json"]
    nothing = {"EPNTAP_HOME": str(tmp_path / "none"), "EPNTAP_DATABASE_URL": ""}
    assert completed("epntap datasets ", **nothing) == []
    assert not (tmp_path / "none").exists()
    assert completed("epntap datasets ", EPNTAP_PORT="eighty") == []


def test_a_running_embedded_server_is_asked_and_none_is_started(embedded: dict[str, str]) -> None:
    assert said(run_process("init", **embedded))
    assert completed("epntap drop ", **embedded) == []
    home = Path(embedded["EPNTAP_HOME"])
    assert not (home / "pg" / "postmaster.pid").exists()
    with open_database(Settings(home=home)) as running:
        with psycopg.connect(running.url) as connection:
            connection.execute(
                "INSERT INTO archive.service (schema_name, title, first_ingested, last_ingested)"
                " VALUES ('mine', 'Mine', now(), now())"
            )
        assert completed("epntap drop ", **embedded) == ["mine"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str) -> None:
    printed = said(run("completion", shell))
    assert f"_EPNTAP_COMPLETE={shell}_complete" in printed
    if program := shutil.which(shell):
        checked = subprocess.run([program, "-n"], input=printed, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["servces"], "There is no command 'servces'. Did you mean 'services'?"),
        (["datasets"], "Missing argument 'SCHEMA'."),
        (["ingest", "--jbos", "2", "x.toml"], "No such option '--jbos'."),
        (["--confg", "x", "status"], "No such option '--confg'."),
        (["completion", "tcsh"], "'tcsh' is not one of"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(arguments: list[str], expected: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert sentence(done).startswith("epntap: ")
    assert expected in sentence(done)
