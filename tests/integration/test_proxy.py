"""`epntap setup nginx`: nginx takes what is printed, and clients work through it."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pyvo
import requests

from epntap.db.pool import Database
from epntap.settings import Settings
from tests.support.server import free_port, serve
from voserver.operating.setup import nginx_file

OPENSSL = shutil.which("openssl")
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/bin:/usr/local/bin")
AROUND = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {server}
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


def configuration(public_url: str, folder: Path, upstream: int) -> Path:
    server = nginx_file(Settings(public_url=public_url, port=upstream))
    if "ssl" in server:
        certificate(folder)
        server = re.sub(r"/etc/letsencrypt/live/[^/]+", str(folder), server)
    file = folder / "nginx.conf"
    file.write_text(AROUND.format(folder=folder, server=server))
    return file


def certificate(folder: Path) -> None:
    """One that nobody believes, for who looks only whether there is one."""
    assert OPENSSL is not None
    command = [OPENSSL, "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=tap.example.org"]
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run([*command, *files], check=True, capture_output=True)


@contextmanager
def proxied(public_url: str, folder: Path, upstream: int) -> Iterator[None]:
    assert NGINX is not None
    file = configuration(public_url, folder, upstream)
    with subprocess.Popen([NGINX, "-c", str(file), "-p", str(folder)]) as process:
        try:
            for _ in range(100):
                try:
                    urllib.request.urlopen(public_url, timeout=5)
                    break
                except urllib.error.HTTPError:
                    break
                except OSError:
                    time.sleep(0.1)
            yield
        finally:
            process.terminate()


@pytest.mark.parametrize(
    "public_url",
    ["http://tap.example.org:8999", "http://tap.example.org:8999/epn/", "https://tap.example.org:8999/a/b"],
)
def test_nginx_takes_the_configuration(public_url: str, tmp_path: Path) -> None:
    assert NGINX is not None
    if public_url.startswith("https") and OPENSSL is None:
        pytest.skip("openssl is not installed")
    file = configuration(public_url, tmp_path, 8080)
    checked = subprocess.run(
        [NGINX, "-t", "-c", str(file), "-p", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("path", ["", "/epn"])
def test_clients_work_through_it(demo_database: Database, tmp_path: Path, path: str) -> None:
    port = free_port()
    public = f"http://127.0.0.1:{port}{path}"
    with (
        serve(demo_database, tmp_path / "home", public_url=public) as server,
        proxied(public, tmp_path, server.port),
    ):
        service = pyvo.dal.TAPService(f"{public}/tap")
        rows = service.search("SELECT TOP 3 granule_uid, access_url, datalink_url FROM amdadb.epn_core")
        assert len(rows) == 3
        for address in (rows[0]["access_url"], rows[0]["datalink_url"]):
            assert address.startswith(f"{public}/")
            assert requests.get(address, timeout=30).status_code == 200
        assert f"{public}/tap" in requests.get(f"{public}/tap/capabilities", timeout=30).text
        job = requests.post(
            f"{public}/tap/async", {"LANG": "ADQL", "QUERY": "SELECT 1 AS a FROM tap_schema.schemas"}, timeout=30
        )
        assert job.url.startswith(f"{public}/tap/async/")
        assert f"Path={path or '/'};" in f"{job.history[0].headers['Set-Cookie']};"
        assert requests.get(f"{public}/metrics", timeout=30).status_code == 403
