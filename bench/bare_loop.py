"""The least that a judge could write: load, forward, PSNR and SSIM, image by image, in one process.

    python -m bench.bare_loop MODEL_ID HR_DIR LR_DIR --official PATH/TO/NTIRE2024_ESR [--ssim]

It checks nothing, counts nothing and records nothing. The network and its weights are this project's copy, PSNR and
SSIM are the official repository's own functions.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from data.images import read_rgb
from data.pairs import pair_folders
from eval.submissions.catalogue import find_manifest
from eval.submissions.manifest import MODELS
from eval.submissions.resolve import from_manifest


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench.bare_loop", description=__doc__)
    parser.add_argument("model_id")
    parser.add_argument("hr", type=Path, metavar="HR_DIR")
    parser.add_argument("lr", type=Path, metavar="LR_DIR")
    parser.add_argument("--official", type=Path, required=True, help="checkout of the official repository")
    parser.add_argument("--ssim", action="store_true", help="SSIM beside PSNR (default: off)")
    options = parser.parse_args()
    sys.path.append(str(options.official.resolve()))
    official = importlib.import_module("utils.utils_image")

    import torch

    network, data_range = _network(options.model_id)
    with torch.no_grad():
        for pair in pair_folders(options.hr, options.lr):
            lr, hr = read_rgb(pair.lr), read_rgb(pair.hr)
            # As the official code makes it: the image's channels-last strides decide which convolutions run.
            values = torch.from_numpy(lr).permute(2, 0, 1).float().div(255.0 / data_range).unsqueeze(0)
            start = time.perf_counter()
            output = network(values)
            milliseconds = (time.perf_counter() - start) * 1e3
            pixels = (output[0].clamp(0, data_range) * (255 / data_range)).round().byte()
            sr = pixels.permute(1, 2, 0).numpy()
            scores = [official.calculate_psnr(sr, hr, border=4)]
            if options.ssim:
                scores.append(official.calculate_ssim(sr, hr, border=4))
            print(pair.name, *(f"{score:.4f}" for score in scores), f"{milliseconds:.1f} ms", flush=True)


def _network(model_id: str):  # type: ignore[no-untyped-def]  # torch is imported late
    import torch

    source = from_manifest(find_manifest(model_id, MODELS)).source
    module = importlib.import_module(f"models.{Path(source.script).stem}")
    network = getattr(module, source.class_)(**source.args)
    (part,) = source.checkpoints
    weights = torch.load(part.path, map_location="cpu", weights_only=True)
    network.load_state_dict(weights.get(part.key, weights) if part.key else weights)
    return network.eval(), source.data_range


if __name__ == "__main__":
    main()
