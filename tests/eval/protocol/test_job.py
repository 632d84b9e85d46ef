"""Jobs as a worker reads them, and their JSON form, which records keep a hash of."""

from __future__ import annotations

import fcntl
import os
from dataclasses import replace
from typing import Any

import pytest

from eval.protocol import job
from eval.protocol.job import (
    CheckpointPart,
    ControlSource,
    EnsembleSource,
    FolderProgramSource,
    ImagesSource,
    NativeSource,
    RepositorySource,
    Source,
    SpandrelSource,
    TracedSource,
    WorkerJob,
)
from eval.protocol.switches import Switches

NATIVE = NativeSource(
    script="/s/team25_EERN.py",
    class_="EERN",
    args={"deep": {"list": [1, 2]}},
    checkpoints=(CheckpointPart("", "/z/a.pth", "params_ema"),),
    data_range=1.0,
)
SOURCES = [
    NATIVE,
    replace(NATIVE, modules="/built", self_ensemble=True, files=("/s/helper.py",), tile=64),
    EnsembleSource(members={"25": NATIVE}, fusion="mse1", turns_below_mib=8.0),
    SpandrelSource(path="/z/a.pth", allow_pickle=True),
    RepositorySource(repo="/r", entry="/r/test_demo.py", model_id=3),
    FolderProgramSource(repo="/r", entry="/r/test.py", model_id=3, input="/in", output="/out"),
    ImagesSource(folder="/f"),
    TracedSource(data_range=255.0),
    ControlSource(),
]


def test_every_adapter_has_its_source() -> None:
    assert {type(one) for one in SOURCES} == set(job.ADAPTERS.values())


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.adapter)
def test_a_job_arrives_as_it_was_sent(source: Source) -> None:
    sent = WorkerJob(source, ("/z/a.pth",), "cpu", 4, must_lock=True)
    assert WorkerJob.open(sent.seal()) == sent


def test_switches_arrive_and_are_not_named_if_they_change_nothing() -> None:
    plain = WorkerJob(ControlSource(), (), "cpu", 4, must_lock=True)
    sent = replace(plain, switches=Switches(memory_format="contiguous", tf32=False, neighbour=True, seed=0))
    assert WorkerJob.open(sent.seal()) == sent != plain
    descriptor = plain.seal()
    assert b"switches" not in os.pread(descriptor, 4096, 0)
    os.close(descriptor)


def test_the_json_form_is_that_of_records_written_before() -> None:
    """Equal JSON makes an equal `job_key`: `--resume` skips what an older version measured."""
    expected: dict[str, Any] = {
        "script": "/s/team25_EERN.py",
        "class": "EERN",
        "args": {"deep": {"list": [1, 2]}},
        "checkpoints": [{"prefix": "", "path": "/z/a.pth", "key": "params_ema", "key_may_lack": False}],
        "data_range": 1.0,
        "tile": None,
        "tile_overlap": 32,
        "pad_multiple": 1,
        "allow_pickle": False,
        "build": [],
    }
    assert NATIVE.to_json() == expected
    assert replace(NATIVE, self_ensemble=True).to_json() == {**expected, "self_ensemble": True}
    assert SOURCES[2].to_json() == {
        "members": {"25": expected},
        "fusion": "mse1",
        "member_self_ensemble": False,
        "turns_below_mib": 8.0,
        "allow_pickle": False,
    }
    assert SOURCES[4].to_json() == {
        "repo": "/r",
        "entry": "/r/test_demo.py",
        "model_id": 3,
        "allow_pickle": False,
    }
    assert ImagesSource(folder="/f").to_json() == {"folder": "/f", "allow_pickle": False}


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(TypeError, match="surprise"):
        SpandrelSource.from_json({"path": "/z", "surprise": 1})


def test_a_job_cannot_be_changed_once_written() -> None:
    descriptor = WorkerJob(ControlSource(), (), "cpu", 4, must_lock=True).seal()
    assert fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & fcntl.F_SEAL_WRITE
    with pytest.raises(PermissionError):
        os.write(descriptor, b"x")
    os.close(descriptor)
