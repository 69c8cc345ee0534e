"""A real Slurm on this host: a controller and nodes as processes of ours, on loopback, without systemd.

Needs root and Debian's `slurm-wlm` and `munge`. By hand: ``python tests/slurm/cluster.py FOLDER`` prints the environment
and stays until Ctrl-C.
"""

import os
import random
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
READY_S = 15
SAVED_S = 6
"""The controller writes down within five seconds what it has done. One that is killed before forgets its newest jobs, gives
their numbers to others, and takes nodes out of service that still know the old ones: every later job waits for ever."""


def missing():
    """Why there can be none here; empty if there can."""
    gone = [name for name in PROGRAMS if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    if gone:
        return f"Slurm is not installed ({', '.join(gone)}): apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "Slurm's daemons need root here"


def free_ports(count):
    """So many ports that nobody listens on, below those that the system gives to clients.

    One of theirs could be taken while a daemon is being started anew; and who calls a dead daemon at one may reach himself.
    """
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = []
    while len(ports) < count:
        port = random.randrange(10000, max(first, 20000))
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.append(port)
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
        "AuthInfo": f"socket={folder}/munge.sock,cred_expire=5",  # what is requeued must wait for so long
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
        "SlurmdTimeout": 5,
        "SlurmctldTimeout": 5,
        "MessageTimeout": 3,
        "BatchStartTimeout": 5,
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
    text.append(f"PartitionName=short Nodes=n[1-{nodes}] MaxTime=1 State=UP")
    text.append(f"PartitionName=closed Nodes=n[1-{nodes}] State=INACTIVE")
    return "\n".join(text) + "\n"


def environment(folder):
    return {**os.environ, "SLURM_CONF": f"{folder}/slurm.conf", "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


@contextmanager
def slurm(folder: Path, nodes=2):
    """The path of slurm.conf, while the daemons run."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    (folder / "state").mkdir(exist_ok=True)
    (folder / "slurm.conf").write_text(conf(folder, nodes, free_ports(2 + nodes)))
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    try:
        for daemon in ("munged", "slurmctld", *(f"slurmd.n{number}" for number in range(1, nodes + 1))):
            start(folder, daemon)
        mended(folder, nodes)
        yield folder / "slurm.conf"
    finally:
        stop(folder)


def start(folder, daemon):
    """A daemon, until it is there: munged, slurmctld, slurmd.n1 …"""
    files = {"key-file": "munge.key", "socket": "munge.sock", "pid-file": "munged.pid", "log-file": "munge.log"}
    munged = [
        "--force",
        f"--seed-file={folder}/munge.seed",
        *(f"--{name}={folder}/{file}" for name, file in files.items()),
    ]
    program, _, node = daemon.partition(".")
    words = [program, *{"munged": munged, "slurmctld": [], "slurmd": ["-N", node]}[program]]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # daemons keep pipes open
    subprocess.run(words, env=environment(folder), check=True, timeout=WAIT_S, **quiet)
    until_it_runs(folder, daemon)


def until_it_runs(folder, daemon):
    """It goes on in the background before it has written down its number."""
    end = time.monotonic() + WAIT_S
    while not _runs(folder, daemon):
        assert time.monotonic() < end, f"{daemon} does not start"
        time.sleep(0.05)


def kill(folder, daemon):
    """SIGKILL; jobs of a slurmd go on, for each has a process of its own that looks after it."""
    if daemon == "slurmctld":
        time.sleep(SAVED_S)
    found = psutil.Process(int((folder / f"{daemon}.pid").read_text()))
    found.kill()
    found.wait(WAIT_S)


def mended(folder, nodes=2):
    """No jobs, all daemons there, all nodes idle: whatever a test has left. What does not come to itself is made anew."""
    if not _ready(folder, nodes):
        stop(folder)
        for left in (folder / "state", *folder.glob("spool.*")):
            shutil.rmtree(left, ignore_errors=True)
        (folder / "state").mkdir()
        start(folder, "munged")
        assert _ready(folder, nodes), (
            f"Slurm's nodes are not ready: {_said(folder, 'sinfo', '-h', '-N', '-o', '%N %T %E')}"
        )


def _ready(folder, nodes):
    """Whether all nodes are idle soon."""
    for daemon in ("slurmctld", *(f"slurmd.n{number}" for number in range(1, nodes + 1))):
        if not _runs(folder, daemon):
            start(folder, daemon)
    end = time.monotonic() + READY_S
    while _said(folder, "sinfo", "-h", "-N", "-p", "main", "-o", "%T").split() != ["idle"] * nodes:
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
        _said(folder, "scancel", "--user=root")
        _said(folder, "scontrol", "update", f"NodeName=n[1-{nodes}]", "State=RESUME")
    return True


def _runs(folder, daemon):
    with suppress(OSError, ValueError, psutil.Error):
        found = psutil.Process(int((folder / f"{daemon}.pid").read_text()))
        return found.name() == daemon.partition(".")[0] and found.status() != psutil.STATUS_ZOMBIE
    return False


def _said(folder, *words):
    done = subprocess.run(words, env=environment(folder), check=False, capture_output=True, text=True, timeout=WAIT_S)
    return done.stdout


def stop(folder):
    """End the jobs, then the daemons, by the ids they have written down."""
    with suppress(OSError, subprocess.TimeoutExpired):
        _said(folder, "scancel", "--user=root")
        time.sleep(1)
    for file in (*folder.glob("slurmd.*.pid"), folder / "slurmctld.pid", folder / "munged.pid"):
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
