"""The channel between parent and worker: fixed frames over a socketpair, images in sealed shared memory.

Both sides import this module; it needs numpy only. Nothing the worker sends is unpickled, evaluated or parsed
beyond the fixed layout of `Reply`. Every reply must repeat the 16 random bytes of its request, so an answer can
neither be sent ahead nor replayed. Image slots are memfds that the parent creates and seals against resizing
(an unsealed one could be truncated by the worker, which would kill the parent by SIGBUS).
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import secrets
import select
import socket
import struct
import time
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from data.text import without_controls

NONCE_BYTES = 16
MAX_VALUES = 16
MAX_TEXT = 32 * 1024
# A network's values travel as float32.
VALUE_BYTES = 4
_REQUEST = struct.Struct(f"<{NONCE_BYTES}sBII")
_LENGTH = struct.Struct("<Q")
_REPLY = struct.Struct(f"<{NONCE_BYTES}sBBH{MAX_VALUES}d{MAX_TEXT}s")


class Operation(IntEnum):
    """What the parent asks for."""

    INSPECT = 1  # count the checkpoint's tensors, before any team code ran
    LOAD = 2  # confine further, then run the team's code up to a model on its device
    FORWARD = 3  # super-resolve the image in the request slot
    MEMORY = 4  # peak memory since the last MEMORY request
    COUNT = 5  # complexity on noise and on the crop in the request slot
    FOLDER = 6  # let the program turn the job's input folder into its output folder
    EXPORT = 7  # trace the network on the image in the request slot into the graph slot
    RECOUNT = 8  # super-resolve the image in the request slot and count the operations of that
    EXAMINE = 9  # state of the network after a forward pass on the image in the request slot
    WEIGHTS = 10  # save the network's weights into the graph slot


class Status(IntEnum):
    """How a request ended inside the worker."""

    OK = 0
    FAILED = 1


@dataclass(frozen=True)
class Request:
    """`height` and `width` are those of the RGB uint8 image in the request slot (0 where there is none)."""

    operation: Operation
    height: int = 0
    width: int = 0
    nonce: bytes = b"\0" * NONCE_BYTES


@dataclass(frozen=True)
class Reply:
    """`values` are up to 16 finite or NaN floats whose meaning the operation fixes; `text` is for people."""

    status: Status
    values: tuple[float, ...] = ()
    text: str = ""


class ChannelError(Exception):
    """The worker broke the protocol, ended, or did not answer in time; `kind` names which."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def pack_request(request: Request) -> bytes:
    return _REQUEST.pack(request.nonce, request.operation, request.height, request.width)


def unpack_request(frame: bytes) -> Request:
    nonce, operation, height, width = _REQUEST.unpack(frame)
    return Request(Operation(operation), height, width, nonce)


def pack_reply(nonce: bytes, reply: Reply) -> bytes:
    """The frame of `reply`; its text is cut to fit, whole characters only."""
    text = reply.text.encode("utf-8", "replace")[:MAX_TEXT].decode("utf-8", "ignore").encode("utf-8")
    values = (*reply.values, *[0.0] * (MAX_VALUES - len(reply.values)))
    return _REPLY.pack(nonce, reply.status, len(reply.values), len(text), *values, text)


def unpack_reply(frame: bytes, nonce: bytes) -> Reply:
    """The reply in `frame`. Raises ChannelError ("protocol") for any departure from the layout."""
    if len(frame) != _REPLY.size:
        raise ChannelError("protocol", f"a reply of {len(frame)} bytes, expected {_REPLY.size}")
    echoed, status, n_values, n_text, *rest = _REPLY.unpack(frame)
    if not secrets.compare_digest(echoed, nonce):
        raise ChannelError("protocol", "a reply that does not belong to the request")
    if status not in tuple(Status) or n_values > MAX_VALUES or n_text > MAX_TEXT:
        raise ChannelError("protocol", "a reply with fields out of range")
    text = rest[MAX_VALUES][:n_text].decode("utf-8", "replace")
    return Reply(Status(status), tuple(rest[:n_values]), without_controls(text))


class Caller:
    """The parent's end: one request, one reply, a deadline on every wait."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, operation: Operation, height: int = 0, width: int = 0) -> bytes:
        """Send a request; returns its nonce. Raises ChannelError ("ended") when the worker is gone."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._drain()
        try:
            self._connection.send(pack_request(Request(operation, height, width, nonce)))
        except OSError:
            raise ChannelError("ended", "the worker process ended") from None
        return nonce

    def receive(self, nonce: bytes, timeout_s: float) -> Reply:
        """Wait for the reply to `nonce`. Raises ChannelError: "timeout", "ended" or "protocol"."""
        deadline = time.monotonic() + timeout_s
        poller = select.poll()
        poller.register(self._connection, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ChannelError("timeout", f"no answer within {timeout_s:g} s")
            if poller.poll(min(math.ceil(left * 1000), 1000)):
                break
        try:
            frame = self._connection.recv(_REPLY.size + 1)
        except OSError:
            frame = b""
        if not frame:
            raise ChannelError("ended", "the worker process ended")
        return unpack_reply(frame, nonce)

    def _drain(self) -> None:
        """A frame that is here before its request was sent is a forgery: end it."""
        poller = select.poll()
        poller.register(self._connection, select.POLLIN)
        if poller.poll(0):
            early = self._connection.recv(_REPLY.size + 1)
            if early:
                raise ChannelError("protocol", "a reply that nobody asked for")
            raise ChannelError("ended", "the worker process ended")


class Slot:
    """Shared memory for one image or some bytes, mapped by both sides; created and sealed by the parent."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self._map = mmap.mmap(descriptor, size)
        self._pixels = np.frombuffer(self._map, np.uint8)

    @classmethod
    def create(cls, name: str, size: int) -> Slot:
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, size)
        fcntl.fcntl(
            descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        )
        return cls(descriptor, size)

    @classmethod
    def open(cls, descriptor: int) -> Slot:
        return cls(descriptor, os.fstat(descriptor).st_size)

    def write(self, image: NDArray[np.uint8]) -> None:
        """Copy `image` (height x width x 3) to the start of the slot."""
        np.copyto(self._pixels[: image.size].reshape(image.shape), image)

    def read(self, height: int, width: int) -> NDArray[np.uint8]:
        """A private copy: the other side can still write to the slot."""
        return self._pixels[: height * width * 3].reshape(height, width, 3).copy()

    def values(self, height: int, width: int) -> NDArray[np.float32]:
        """The slot itself as a network's values, 3 x height x width: the other side can still write to it."""
        size = height * width * 3 * VALUE_BYTES
        return self._pixels[:size].view(np.float32).reshape(3, height, width)

    def clear_values(self, height: int, width: int) -> None:
        """Fill the values with NaN, so that what nobody writes is no answer."""
        self._pixels[: height * width * 3 * VALUE_BYTES] = 255

    def write_bytes(self, content: bytes) -> None:
        """Copy `content`, with its length in front. Raises ValueError where the slot is too small."""
        size = _LENGTH.size + len(content)
        if size > self._pixels.size:
            raise ValueError(f"{len(content)} bytes: expected at most {self._pixels.size - _LENGTH.size}")
        self._pixels[:size] = np.frombuffer(_LENGTH.pack(len(content)) + content, np.uint8)

    def read_bytes(self) -> bytes:
        """A private copy of what `write_bytes` left; cut at the slot's end, whatever length it states."""
        (length,) = _LENGTH.unpack(self._pixels[: _LENGTH.size].tobytes())
        return self._pixels[_LENGTH.size : _LENGTH.size + length].tobytes()

    def close(self) -> None:
        """Unmap and close; a second call does nothing."""
        if self._map.closed:
            return
        del self._pixels
        self._map.close()
        os.close(self.descriptor)
