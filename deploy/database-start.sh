#!/bin/sh
# Start PostgreSQL on a data folder (made on first use) with a database and logins for the service and for standbys.
# usage: database-start.sh DATA_FOLDER PORT LISTEN_ADDRESS          (run as the user postgres)
# The logins' password is taken from EPNTAP_DATABASE_PASSWORD. Of several versions that are installed a new folder gets
# the newest; one that is there already is of the version that made it.
set -eu
data=$1 port=$2 listen=$3
: "${EPNTAP_DATABASE_PASSWORD:?set EPNTAP_DATABASE_PASSWORD}"

if [ -s "$data/PG_VERSION" ]; then
    version=$(cat "$data/PG_VERSION")
else
    version=$(ls /usr/lib/postgresql | sort -n | tail -n 1)
fi
bin=/usr/lib/postgresql/$version/bin
if [ ! -x "$bin/postgres" ]; then
    echo "The data in $data were made by PostgreSQL $version, which is not installed here: install it (for the image:" \
        "EPNTAP_POSTGRESQL=$version), or dump them with it and restore the dump into an empty folder." >&2
    exit 1
fi

if [ ! -s "$data/PG_VERSION" ]; then
    "$bin/initdb" -D "$data" --locale=C.UTF-8 --encoding=UTF8 --auth-local=peer --auth-host=scram-sha-256 >/dev/null
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
    echo "host replication standby all scram-sha-256" >>"$data/pg_hba.conf"
    "$bin/pg_ctl" -D "$data" -w -o "-p $port -c listen_addresses= -k $data" start >/dev/null
    psql -h "$data" -p "$port" -d postgres -v ON_ERROR_STOP=1 -v password="$EPNTAP_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE standby LOGIN REPLICATION PASSWORD :'password';
CREATE ROLE epntap LOGIN CREATEROLE CREATEDB PASSWORD :'password';
CREATE DATABASE epntap OWNER epntap;
\connect epntap
CREATE EXTENSION pg_sphere;
SQL
    "$bin/pg_ctl" -D "$data" -w stop >/dev/null
fi
# the last three matter where standbys follow: what they do for queries, and how long they may be away
exec "$bin/postgres" -D "$data" -p "$port" -c "listen_addresses=$listen" -k "$data" \
    -c max_connections=200 -c jit=off -c timezone=UTC \
    -c hot_standby_feedback=on -c max_standby_streaming_delay=5s -c wal_keep_size=1GB
