#!/bin/sh
# PostgreSQL 15 with pgSphere from Debian's own packages (the official PostgreSQL image has no pgSphere).
# The Dockerfile's database stage and the continuous integration both run this file, so it is tested without Docker.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends postgresql-15 postgresql-15-pgsphere >/dev/null

# PostgreSQL 15.20 refuses some COMMUTATOR and NEGATOR clauses of the script in Debian's pgSphere 1.2.0, and with them
# the whole extension. They only help the planner to turn conditions around, so they are taken out.
perl -0pi -e "s/,\s*(?:COMMUTATOR|NEGATOR)\s*=\s*'?[^,\s)']+'?//gi" \
    /usr/share/postgresql/15/extension/pg_sphere--1.2.0.sql
