# @expected: ok: unchanged numbers
# @levels: bwrap landlock
# @default: yes
"""Talks over IPv4 and IPv6, TCP and UDP, to a listener of the organiser on the same machine."""

import socket

from models.base import KNOWN, Repeat, breach


def make():
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                with socket.socket(family, kind) as connection:
                    connection.settimeout(2)
                    connection.connect((host, KNOWN.get("port", 9)))
                    connection.send(b"secret")
            except OSError:
                continue
            breach(f"sent over {family.name} {kind.name}")
    return Repeat()
