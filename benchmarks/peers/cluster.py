"""A Dask cluster on this machine, of so many processes of one thread: `python cluster.py WORKERS FOLDER`.

Prints DASK_SCHEDULER_ADDRESS=… once all workers are there, and ends when its input does.
"""

from __future__ import annotations

import sys

from distributed import LocalCluster


def main(workers: int, folder: str) -> None:
    """Serve."""
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"}, worker_dashboard_address=None, local_directory=folder,
    ) as cluster:  # fmt: skip
        cluster.wait_for_workers(workers)
        print(f"DASK_SCHEDULER_ADDRESS={cluster.scheduler_address}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
