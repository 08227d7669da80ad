"""The same data from programs: what each client needs to be told, ready to be run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from epntap.addresses import HAPI_SERVER, Addresses

__all__ = ["Sample", "code_of", "query_of"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A piece of a dataset that is asked for: some granule, and on the HAPI server its time."""

    schema: str
    dataset_id: str
    #: empty where there is none
    granule_uid: str = ""
    #: whether something can be cut of the granule
    has_files: bool = False
    #: on our HAPI server, or on another
    hapi: str = ""
    hapi_id: str = ""
    #: UTC with Z
    start: str = ""
    stop: str = ""


def code_of(one: Sample, addresses: Addresses) -> Mapping[str, str]:
    """By the name of the client, what gets a piece of the dataset."""
    found = {"Python (pyvo)": _pyvo(one, addresses)}
    if one.hapi:
        address = f"{one.hapi}/data?" + urlencode(
            {"id": one.hapi_id, "time.min": one.start, "time.max": one.stop, "format": "csv"}
        )
        ours = one.hapi == addresses.at(HAPI_SERVER)
        if ours:
            address = address.replace("id=", "dataset=", 1).replace("time.min", "start").replace("time.max", "stop")
            address += "&include=header"
        found |= {
            "Python (hapiclient)": _hapiclient(one),
            "Python (Speasy)": _speasy(one),
            "curl": f"curl -o data.csv {shlex.quote(address)}\n",
            "wget": f"wget -O data.csv {shlex.quote(address)}\n",
            "IDL": _idl(one, address),
            "MATLAB": _matlab(one),
        }
    else:
        query = urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": query_of(one.schema, one.dataset_id)})
        address = f"{addresses.tap('sync')}?{query}"
        found["curl"] = f"curl -o granules.csv {shlex.quote(address)}\n"
    found["STILTS"] = _stilts(one, addresses)
    if one.hapi:
        found["Autoplot"] = f"vap+hapi:{one.hapi}?id={one.hapi_id}&timerange={one.start[:19]}Z/{one.stop[:19]}Z\n"
    return found


def query_of(schema: str, dataset_id: str) -> str:
    """The ADQL of all granules of a dataset."""
    key = dataset_id.replace("'", "''")
    return f"SELECT * FROM {schema}.epn_core WHERE dataset_id = '{key}' ORDER BY time_min"  # noqa: S608  # ADQL, to be shown


def _pyvo(one: Sample, addresses: Addresses) -> str:
    text = (
        f"import pyvo\n\nservice = pyvo.dal.TAPService({addresses.tap()!r})\n"
        f"granules = service.search({query_of(one.schema, one.dataset_id)!r}).to_table()\n"
        "print(granules['granule_uid', 'time_min', 'access_url'])\n"
    )
    if one.has_files:
        text += (
            "\n# all records of one granule\nfrom astropy.table import Table\n\n"
            f"address = {addresses.data(one.granule_uid, 'vot', one.schema)!r}\n"
            "records = Table.read(address, format='votable', table_id=0)\n"
        )
    return text


def _hapiclient(one: Sample) -> str:
    return (
        "from hapiclient import hapi\n\n"
        f"data, meta = hapi({one.hapi!r}, {one.hapi_id!r}, '',\n                  {one.start!r}, {one.stop!r})\n"
    )


def _speasy(one: Sample) -> str:
    given = {"id": one.hapi_id, "time.min": one.start, "time.max": one.stop, "include": "header", "format": "csv"}
    info = f"{one.hapi}/info?{urlencode({'id': one.hapi_id})}"
    return (
        "import json\nfrom urllib.request import urlopen, urlretrieve\n\nfrom speasy.core.codecs import get_codec\n\n"
        f"info = json.load(urlopen({info!r}))\n"
        f"file, _ = urlretrieve({f'{one.hapi}/data?{urlencode(given)}'!r}, 'data.csv')\n"
        "names = [parameter['name'] for parameter in info['parameters'][1:]]\n"
        "variables = get_codec('hapi/csv').load_variables(file=file, variables=names)\n"
    )


def _idl(one: Sample, address: str) -> str:
    def literal(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    return (
        f"url = OBJ_NEW('IDLnetURL')\nfile = url->Get(URL={literal(address)}, FILENAME='data.csv')\n"
        "\n; with SPEDAS\n"
        f"hapi_load_data, trange=[{literal(one.start[:19])}, {literal(one.stop[:19])}], $\n"
        f"  dataset={literal(one.hapi_id)}, server={literal(one.hapi)}\n"
    )


def _matlab(one: Sample) -> str:
    def literal(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    return (
        "% hapi.m from github.com/hapi-server/client-matlab\n"
        f"[data, meta] = hapi({literal(one.hapi)}, {literal(one.hapi_id)}, '', ...\n"
        f"                    {literal(one.start)}, {literal(one.stop)});\n"
    )


def _stilts(one: Sample, addresses: Addresses) -> str:
    text = (
        f"stilts tapquery {shlex.quote(f'tapurl={addresses.tap()}')} sync=true out=granules.fits \\\n"
        f"     {shlex.quote(f'adql={query_of(one.schema, one.dataset_id)}')}\n"
    )
    if one.has_files:
        address = addresses.data(one.granule_uid, "vot", one.schema)
        text += f"\nstilts tpipe {shlex.quote(f'in={address}')} ifmt=votable omode=stats\n"
    return text
