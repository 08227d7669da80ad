#!/bin/sh
# Start PostgreSQL on a data folder (made on first use) with a database and a login for the service.
# usage: database-start.sh DATA_FOLDER PORT LISTEN_ADDRESS          (run as the user postgres)
# The login's password is taken from EPNTAP_DATABASE_PASSWORD.
set -eu
data=$1 port=$2 listen=$3
bin=/usr/lib/postgresql/15/bin
: "${EPNTAP_DATABASE_PASSWORD:?set EPNTAP_DATABASE_PASSWORD}"

if [ ! -s "$data/PG_VERSION" ]; then
    "$bin/initdb" -D "$data" --locale=C.UTF-8 --encoding=UTF8 --auth-local=peer --auth-host=scram-sha-256 >/dev/null
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
    "$bin/pg_ctl" -D "$data" -w -o "-p $port -c listen_addresses= -k $data" start >/dev/null
    psql -h "$data" -p "$port" -d postgres -v ON_ERROR_STOP=1 -v password="$EPNTAP_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE epntap LOGIN CREATEROLE CREATEDB PASSWORD :'password';
CREATE DATABASE epntap OWNER epntap;
\connect epntap
CREATE EXTENSION pg_sphere;
SQL
    "$bin/pg_ctl" -D "$data" -w stop >/dev/null
fi
exec "$bin/postgres" -D "$data" -p "$port" -c "listen_addresses=$listen" -k "$data" \
    -c max_connections=200 -c jit=off -c timezone=UTC
