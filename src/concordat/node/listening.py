"""A port to listen on, or who has it: the process that holds a taken port is named where the system tells.

Linux tells in /proc; elsewhere, or for another user's process, the message says only that the port is taken.
"""

from __future__ import annotations

import socket
from pathlib import Path

from concordat.errors import StateError

BACKLOG = 512


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A socket that listens.

    Args:
        setting: the setting it comes from, for the message.

    Raises:
        StateError: the port is taken, by which process if that is known; or no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named: by it asyncio knows that answers need not wait 40 ms for an acknowledgement (TCP_NODELAY).
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        option = f"--{setting.replace('_', '-')}"
        if error.errno == 98 or "in use" in str(error):
            pid = holder_of(port)
            what = f"Port {port} is used by pid {pid}." if pid else f"Port {port} is used by another process."
            raise StateError(what, hint=f"Choose another: {option}.", where=setting, code="port_taken") from None
        words = error.strerror or str(error)
        raise StateError(f"can't listen on {host}:{port}: {words}.", where=setting, code="listen") from None
    found.setblocking(False)
    return found


def address_of(found: socket.socket, scheme: str) -> str:
    """The address of a listening socket."""
    host, port = found.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def holder_of(port: int, proc: Path = Path("/proc")) -> int | None:
    """The process that listens on a port of this machine, if the system tells."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if len(fields) > 9 and fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for folder in sorted(proc.glob("[0-9]*")) if inodes else ():
        try:
            if any(str(handle.readlink()) in inodes for handle in (folder / "fd").iterdir()):
                return int(folder.name)
        except OSError:
            continue
    return None
