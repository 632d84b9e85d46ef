# @expected: ok: unchanged numbers
# @levels: bwrap landlock
# @default: yes
"""Talks over a Unix socket by path and by abstract name to a listener of the organiser, and over vsock.

Sends a datagram by path too, from a socket of a pair, which needs no connection.
"""

import socket

from models.base import KNOWN, Repeat, breach


def make():
    attempts = [
        (socket.AF_UNIX, KNOWN.get("unix_path", "")),
        (socket.AF_UNIX, "\0" + KNOWN.get("abstract", "")),
    ]
    attempts += [(socket.AF_VSOCK, (2, 1))] if hasattr(socket, "AF_VSOCK") else []
    for family, address in attempts:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as connection:
                connection.settimeout(2)
                connection.connect(address)
        except OSError:
            continue
        breach(f"connected to {address!r}")
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            with socket.socketpair(socket.AF_UNIX, kind)[0] as one:
                one.sendto(b"told", KNOWN.get("datagrams", ""))
        except OSError:
            continue
        breach("sent a datagram")
    return Repeat()
