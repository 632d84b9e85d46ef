"""Typed replies: what travels arrives, and a number out of bounds is refused by name."""

from __future__ import annotations

import math

import pytest

from eval.protocol import channel
from eval.protocol.channel import ChannelError, Reply, Status
from eval.protocol.replies import (
    CountedAgain,
    CountedText,
    Examined,
    Exported,
    FolderDone,
    Forwarded,
    Inspected,
    Loaded,
    MemoryPeak,
    Statement,
)

NONCE = b"n" * channel.NONCE_BYTES
ANSWERS = [
    Inspected(3, 4, 16),
    Loaded(255.0, 12, "25_EERN", "checkpoint a.pth: prefix 'module.' taken off"),
    Loaded(1.0, 12),
    Forwarded(1.25),
    MemoryPeak(None, False),
    MemoryPeak(12.5, True),
    CountedText("first\tline\nsecond"),
    FolderDone(2.0, 1.0, 3, 4),
    Exported(100),
    Examined(0, 3, True, None, '{"class": "SPAN"}'),
    Examined(2, 0, False, 0.5),
    CountedAgain(10, 5, 7, 20, "aten::fft"),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_an_answer_arrives_as_it_was_sent(answer: Statement) -> None:
    frame = channel.pack_reply(NONCE, answer.pack())
    assert type(answer).unpack(channel.unpack_reply(frame, NONCE)) == answer


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 1e300])
@pytest.mark.parametrize("kind", [Inspected, Loaded, FolderDone, Exported, CountedAgain])
def test_a_number_out_of_bounds_is_refused_by_name(kind: type[Statement], value: float) -> None:
    n_values = len(next(one for one in ANSWERS if type(one) is kind).pack().values)
    with pytest.raises(ChannelError, match=r"stated as .*, expected a number from (0|1e-06) to") as caught:
        kind.unpack(Reply(Status.OK, (value,) * n_values))
    assert caught.value.kind == "protocol"


@pytest.mark.parametrize("n_values", [0, 2, 16])
def test_a_wrong_number_of_values_is_refused(n_values: int) -> None:
    with pytest.raises(ChannelError, match=f"{n_values} values, expected 3"):
        Inspected.unpack(Reply(Status.OK, (1.0,) * n_values))
