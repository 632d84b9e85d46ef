"""One run of a submission over all images, in a worker of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data.images import read_rgb
from data.pairs import ImagePair
from data.types import Image, Split
from eval.harness.worker_process import WorkerProcess
from eval.harness.worker_setup import Setup
from eval.integrity.outputs import Key
from eval.reproduction import tiles
from eval.submissions.submission import Submission


@dataclass(frozen=True)
class SwitchedRun:
    """How a submission runs. order: of the images. tiled: whether each is cut into four tiles that overlap."""

    submission: Submission
    setup: Setup
    order: Callable[[Sequence[Key]], Sequence[Key]] = field(default=list)
    tiled: bool = False


def answers(
    run: SwitchedRun, images: Mapping[Key, ImagePair], *, repeat: bool = False
) -> Iterator[tuple[Key, Image]]:
    """The SR image of each LR image. repeat: whether the first one is made once more at the end.

    Raises SubmissionFailed if the submission fails.
    """
    keys = list(run.order(list(images)))
    with WorkerProcess(run.submission, run.setup) as worker:
        worker.load()
        for key in [*keys, keys[0]] if repeat else keys:
            yield key, _answer(worker, run, images[key])


def _answer(worker: WorkerProcess, run: SwitchedRun, pair: ImagePair) -> Image:
    lr = read_rgb(pair.lr)
    if not run.tiled:
        return worker.forward(lr, pair.name).image
    return tiles.in_tiles(lr, run.setup.scale, lambda tile: worker.forward(tile, f"{pair.name} (tile)").image)


class KeptImages:
    """SR images of one run in files, because those of a whole challenge do not fit into memory."""

    def __init__(self, folder: Path) -> None:
        """folder: is made here; the caller removes it."""
        folder.mkdir()
        self._folder = folder

    def keep(self, key: Key, image: Image) -> None:
        """Keep an image: uint8, height x width x 3."""
        np.save(self._path(key), image, allow_pickle=False)

    def image(self, key: Key) -> Image:
        """The image that was kept."""
        kept: Image = np.load(self._path(key), allow_pickle=False)
        return kept

    def _path(self, key: Key) -> Path:
        split: Split = key[0]
        return self._folder / f"{split}-{key[1]:05d}.npy"
