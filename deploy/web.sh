#!/bin/sh
# Install the service into a virtual environment: the Dockerfile's web stage, also run by continuous integration.
# usage: web.sh SOURCE_FOLDER VENV_FOLDER
set -eu
python3 -m venv "$2"
"$2/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check -c "$1/constraints.txt" "$1"
