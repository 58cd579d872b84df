"""The three nodes of the tutorial, on one machine: settings, a clock that can be set, start and stop.

python nodes.py prepare FOLDER ...      a free port and a concordat.toml for the node in each folder
python nodes.py clock FILE MOMENT       a file that sets the clock of what is started after it: `. ./FILE`
python nodes.py start FOLDER ...        in each folder: concordat node serve --home .   and wait until it is ready
python nodes.py stop FOLDER ...         end them in order
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import tomllib
from datetime import datetime
from pathlib import Path

PATIENCE_S = 200


def prepare(folders: list[str]) -> None:
    """Settings of nodes that know each other on this machine, on ports that are free and stay theirs."""
    members = {json.loads((Path(f) / "identity.json").read_text())["member"]: f for f in folders}
    taken: list[socket.socket] = []
    while len(taken) < 2 * len(members):  # below those that a system gives away by itself
        one = socket.socket()
        try:
            one.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            taken.append(one)
        except OSError:
            one.close()
    at = {m: [f"127.0.0.1:{taken.pop().getsockname()[1]}" for _ in range(2)] for m in members}
    for member, folder in members.items():
        peers = ", ".join(f'{m} = "http://{at[m][0]}"' for m in members if m != member)
        lines = [
            f'listen = "{at[member][0]}"',
            f'public_url = "http://{at[member][0]}"',
            f'ops_listen = "{at[member][1]}"',
            f"peers = {{{peers}}}",
        ]
        text = "\n".join(["[node]", *lines, "peers_private = true", "sync_every_s = 1", ""])
        (Path(folder) / "concordat.toml").write_text(text)
        print(f"{folder}/concordat.toml: {member} will be at http://{at[member][0]}")


def clock(file: str, moment: str) -> None:
    """From when it is written on, the clock that the file sets begins at the moment, and goes on."""
    ahead = round(datetime.fromisoformat(moment).timestamp() - time.time())
    line = f"unset CONCORDAT_NOW; export CONCORDAT_TEST=1 CONCORDAT_CLOCK_OFFSET_S={ahead}\n"
    Path(file).write_text(line)
    print(f"{file}: the clock begins at {moment}")


def start(folders: list[str]) -> None:
    """Start nodes, and wait until each says that it is ready."""
    command = ["concordat", "node", "serve", "--home", "."]
    running = {}
    for name in folders:
        folder = Path(name)
        with (folder / "serve.out").open("wb") as out, (folder / "serve.log").open("wb") as log:
            running[name] = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True
            )
        (folder / "serve.pid").write_text(str(running[name].pid))
    for name, process in running.items():
        _until_ready(Path(name), process)
        print(f"{name} is ready: http://{_setting(Path(name), 'listen')}")


def _until_ready(folder: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            link = http.client.HTTPConnection(_setting(folder, "listen"), timeout=PATIENCE_S)
            link.request("GET", "/health/ready")
            if link.getresponse().status == 200:
                return
        except OSError:  # it doesn't listen yet
            pass
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"{folder} does not run. It said:\n{(folder / 'serve.log').read_text()[-2000:]}")
        time.sleep(0.1)


def stop(folders: list[str]) -> None:
    """End nodes as Ctrl-C does, and wait until each has given its folder back."""
    for name in folders:
        os.kill(int((Path(name) / "serve.pid").read_text()), signal.SIGTERM)
    end = time.monotonic() + PATIENCE_S
    for name in folders:
        while '"event": "stopped"' not in (Path(name) / "serve.log").read_text():
            if time.monotonic() > end:
                sys.exit(f"{name} does not stop; see {name}/serve.log")
            time.sleep(0.1)
        (Path(name) / "serve.pid").unlink()
        print(f"{name} has stopped")


def _setting(folder: Path, name: str) -> str:
    found: str = tomllib.loads((folder / "concordat.toml").read_text())["node"][name]
    return found


if __name__ == "__main__":
    WHAT, REST = sys.argv[1], sys.argv[2:]
    if WHAT == "clock":
        clock(*REST)
    else:
        {"prepare": prepare, "start": start, "stop": stop}[WHAT](REST)
