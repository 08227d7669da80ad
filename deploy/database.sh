#!/bin/sh
# PostgreSQL 15 with pgSphere from Debian's own packages (the official PostgreSQL image has no pgSphere).
# The Dockerfile's database stage and the continuous integration both run this file, so it is tested without Docker.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends postgresql-15 postgresql-15-pgsphere >/dev/null
