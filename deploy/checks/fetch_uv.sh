#!/usr/bin/env bash
# Puts uv into a folder of its own with nothing but Python: fetch_uv.sh PYTHON FOLDER. Needs Python 3.11 or newer.
set -euo pipefail
python=$1
folder=$2

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

command -v "$python" >/dev/null || fail "There is no $python. Install Python 3.11 or newer (on Debian: apt-get install python3 python3-venv)."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version) is too old; Python 3.11 or newer is needed. Name another one: make PYTHON=python3.13 …"
if ! "$python" -m venv "$folder" >/dev/null 2>&1; then
  rm -rf "$folder"
  fail "$python cannot make virtual environments. On Debian: apt-get install python3-venv. Or install uv yourself: https://docs.astral.sh/uv/"
fi
echo "fetching uv into $folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.8,<1' ||
  { rm -rf "$folder"; fail "uv could not be fetched from the package index; is it reachable from here?"; }
