#!/bin/sh
# Start a standby, which follows a server that database-start.sh has made; its data are copied on first use.
# usage: database-standby.sh DATA_FOLDER PORT LISTEN_ADDRESS PRIMARY_HOST [PRIMARY_PORT]     (run as the user postgres)
# The password of the login `standby` is taken from EPNTAP_DATABASE_PASSWORD.
set -eu
data=$1 port=$2 listen=$3 host=$4 primary=${5:-5432}
: "${EPNTAP_DATABASE_PASSWORD:?set EPNTAP_DATABASE_PASSWORD}"

if [ ! -s "$data/PG_VERSION" ]; then
    chmod 700 "$data"
    PGPASSWORD=$EPNTAP_DATABASE_PASSWORD pg_basebackup --pgdata="$data" --checkpoint=fast --write-recovery-conf \
        --dbname="host=$host port=$primary user=standby application_name=$(hostname)"
fi
exec sh "$(dirname "$0")/database-start.sh" "$data" "$port" "$listen"
