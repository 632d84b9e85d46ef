"""Frames, deadlines and sealed slots: whatever the other side does, the parent gets an answer or a ChannelError."""

from __future__ import annotations

import os
import socket
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.text import without_controls
from eval.protocol import channel
from eval.protocol.channel import (
    VALUE_BYTES,
    Caller,
    ChannelError,
    Operation,
    Reply,
    Slot,
    Status,
)

NONCE = bytes(range(16))
VALUES = st.lists(st.floats(allow_nan=False), max_size=channel.MAX_VALUES).map(tuple)


@given(VALUES, st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"]), max_size=500))
def test_reply_survives_packing(values: tuple[float, ...], text: str) -> None:
    reply = channel.unpack_reply(channel.pack_reply(NONCE, Reply(Status.OK, values, text)), NONCE)
    assert reply == Reply(Status.OK, values, "".join(c if c.isprintable() else "�" for c in text))


@given(st.binary(max_size=300))
def test_any_short_frame_is_a_protocol_error(frame: bytes) -> None:
    with pytest.raises(ChannelError, match="bytes, expected"):
        channel.unpack_reply(frame, NONCE)


@given(st.binary(min_size=200, max_size=200))
def test_random_content_never_passes_as_a_reply(start: bytes) -> None:
    frame = start + bytes(len(channel.pack_reply(NONCE, Reply(Status.OK))) - len(start))
    if not frame.startswith(NONCE):
        with pytest.raises(ChannelError, match="does not belong"):
            channel.unpack_reply(frame, NONCE)


def test_text_too_long_is_cut_at_a_whole_character() -> None:
    reply = channel.unpack_reply(
        channel.pack_reply(NONCE, Reply(Status.FAILED, (), "é" * channel.MAX_TEXT)), NONCE
    )
    assert set(reply.text) == {"é"} and len(reply.text) == channel.MAX_TEXT // 2


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert without_controls("a\x1b[2Jb\nc") == "a�[2Jb\nc"


@pytest.fixture
def ends() -> tuple[Caller, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Caller(ours), theirs


def test_a_reply_sent_ahead_is_refused(ends: tuple[Caller, socket.socket]) -> None:
    caller, worker = ends
    worker.send(channel.pack_reply(NONCE, Reply(Status.OK)))
    with pytest.raises(ChannelError, match="nobody asked for"):
        caller.send(Operation.LOAD)


def test_the_nonce_of_an_old_request_is_refused(ends: tuple[Caller, socket.socket]) -> None:
    caller, worker = ends
    nonce = caller.send(Operation.LOAD)
    worker.send(channel.pack_reply(channel.unpack_request(worker.recv(100)).nonce, Reply(Status.OK)))
    assert caller.receive(nonce, 5).status is Status.OK
    newer = caller.send(Operation.LOAD)
    worker.send(channel.pack_reply(nonce, Reply(Status.OK)))
    with pytest.raises(ChannelError, match="does not belong"):
        caller.receive(newer, 5)


def test_silence_ends_at_the_deadline(ends: tuple[Caller, socket.socket]) -> None:
    caller, _worker = ends
    with pytest.raises(ChannelError, match=r"no answer within 0\.05 s") as caught:
        caller.receive(caller.send(Operation.LOAD), 0.05)
    assert caught.value.kind == "timeout"


def test_a_worker_that_ends_is_noticed_before_the_deadline(ends: tuple[Caller, socket.socket]) -> None:
    caller, worker = ends
    nonce = caller.send(Operation.LOAD)
    threading.Timer(0.05, worker.close).start()
    with pytest.raises(ChannelError, match="ended") as caught:
        caller.receive(nonce, 30)
    assert caught.value.kind == "ended"


def test_slot_cannot_be_truncated_and_reads_are_private_copies() -> None:
    slot = Slot.create("test", 4 * 5 * 3)
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    slot.write(image)
    copy = slot.read(4, 5)
    slot.write(np.zeros_like(image))
    assert np.array_equal(copy, image) and not slot.read(4, 5).any()
    with pytest.raises(PermissionError):
        os.ftruncate(slot.descriptor, 1)


def test_values_that_nobody_wrote_are_no_numbers() -> None:
    slot = Slot.create("test", 4 * 5 * 3 * VALUE_BYTES)
    slot.values(4, 5)[...] = 1.0
    slot.clear_values(4, 5)
    slot.values(4, 5)[1, 2, 3] = 7.0
    assert np.isnan(slot.values(4, 5)).sum() == 59
