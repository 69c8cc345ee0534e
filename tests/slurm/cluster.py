"""A real Slurm on this host: a controller and nodes as processes of ours, on loopback, without systemd.

Needs root and Debian's `slurm-wlm` and `munge`. By hand: ``python tests/slurm/cluster.py FOLDER`` prints the environment
and stays until Ctrl-C.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
MEMORY_MB = 4000
WAIT_S = 30


def missing():
    """Why there can be none here; empty if there can."""
    gone = [name for name in PROGRAMS if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    if gone:
        return f"Slurm is not installed ({', '.join(gone)}): apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "Slurm's daemons need root here"


def free_ports(count):
    """So many ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def conf(folder, nodes, ports):
    """slurm.conf: no cgroups (a container has none to give), accounting none, nodes that are lost after seconds."""
    host = socket.gethostname().partition(".")[0]
    control, spare, *own = ports
    lines = {
        "ClusterName": "test",
        "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmUser": "root",
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={folder}/munge.sock",
        "CryptoType": "crypto/munge",
        "SlurmctldPort": control,
        "SlurmdPort": spare,
        "StateSaveLocation": f"{folder}/state",
        "SlurmdSpoolDir": f"{folder}/spool.%n",
        "SlurmctldPidFile": f"{folder}/slurmctld.pid",
        "SlurmdPidFile": f"{folder}/slurmd.%n.pid",
        "SlurmctldLogFile": f"{folder}/slurmctld.log",
        "SlurmdLogFile": f"{folder}/slurmd.%n.log",
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "SwitchType": "switch/none",
        "MpiDefault": "none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_CPU",
        "SchedulerType": "sched/builtin",
        "SchedulerParameters": "sched_interval=1",
        "AccountingStorageType": "accounting_storage/none",
        "JobCompType": "jobcomp/none",
        "ReturnToService": 2,
        "SlurmdTimeout": 10,
        "KillWait": 2,
        "JobRequeue": 1,
        "SlurmdParameters": "config_overrides",
    }
    text = [f"{name}={value}" for name, value in lines.items()]
    text += [
        f"NodeName=n{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory={MEMORY_MB} State=UNKNOWN"
        for number, port in zip(range(1, nodes + 1), own, strict=True)
    ]
    text.append(f"PartitionName=main Nodes=n[1-{nodes}] Default=YES MaxTime=INFINITE State=UP")
    return "\n".join(text) + "\n"


@contextmanager
def slurm(folder: Path, nodes=2):
    """The path of slurm.conf, while the daemons run."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    (folder / "state").mkdir(exist_ok=True)
    (folder / "slurm.conf").write_text(conf(folder, nodes, free_ports(2 + nodes)))
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    env = {**os.environ, "SLURM_CONF": f"{folder}/slurm.conf", "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    files = {"key-file": "munge.key", "socket": "munge.sock", "pid-file": "munge.pid", "log-file": "munge.log"}
    munged = ["munged", "--force", f"--seed-file={folder}/munge.seed"]
    munged += [f"--{name}={folder}/{file}" for name, file in files.items()]
    try:
        for words in (munged, ["slurmctld"], *(["slurmd", "-N", f"n{number}"] for number in range(1, nodes + 1))):
            subprocess.run(words, env=env, check=True, timeout=WAIT_S, capture_output=True)
        wait_for_nodes(nodes, env)
        yield folder / "slurm.conf"
    finally:
        stop(folder, env)


def wait_for_nodes(nodes, env):
    end = time.monotonic() + WAIT_S
    while True:
        said = subprocess.run(
            ["sinfo", "-h", "-N", "-o", "%T"], check=False, env=env, capture_output=True, text=True, timeout=WAIT_S
        )
        if said.stdout.split().count("idle") == nodes:
            return
        assert time.monotonic() < end, f"Slurm's nodes are not ready: {said}"
        time.sleep(0.2)


def stop(folder, env):
    """End the jobs, then the daemons, by the ids they have written down."""
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(["scancel", "--user=root"], check=False, env=env, timeout=WAIT_S, capture_output=True)
        time.sleep(1)
    for file in (*folder.glob("slurmd.*.pid"), folder / "slurmctld.pid", folder / "munge.pid"):
        with suppress(OSError, ValueError, psutil.Error):
            daemon = psutil.Process(int(file.read_text()))
            daemon.terminate()
            psutil.wait_procs([daemon], timeout=WAIT_S)


if __name__ == "__main__":
    with slurm(Path(sys.argv[1]).resolve()) as found:
        print(f"export SLURM_CONF={found}", flush=True)
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(60)
