#!/bin/sh
# Pin every dependency with hashes, for all platforms and Python 3.11 and newer.
# Add --upgrade to move to newer releases. Needs uv.
cd "$(dirname "$0")/.." || exit
export UV_CUSTOM_COMPILE_COMMAND="requirements/compile.sh"
pin() { uv pip compile --quiet --python-version 3.11 --universal --no-python-downloads --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-strip-extras "$@"; }
pin pyproject.toml --extra build -o requirements/core.txt
pin pyproject.toml --extra build --extra cloud --extra dask --extra dev --extra docs --extra parquet -c requirements/core.txt -o requirements/dev.txt
pin requirements/bench.in -c requirements/core.txt -o requirements/bench.txt
pin pyproject.toml requirements/cluster.in --extra build --extra dask -c requirements/dev.txt -c requirements/bench.txt \
    -o requirements/cluster.txt
pin requirements/stac-server.in -o requirements/stac-server.txt
pin requirements/webdav-server.in -o requirements/webdav-server.txt
