"""The networks with the authors' checkpoints, against outputs and counts measured with the official code."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

from eval.submissions.manifest import Manifest
from eval.tomlfile import load_toml
from models.team00_RLFN import RLFN
from models.team21_SlimRLFN import SlimRLFN
from models.team25_EERN import EERN
from models.team28_MSN import MSN

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT.parent / "shared" / "reference"
CLASSES: dict[str, type[nn.Module]] = {"RLFN": RLFN, "SlimRLFN": SlimRLFN, "EERN": EERN, "MSN": MSN}

pytestmark = pytest.mark.skipif(
    not (REFERENCE / "weights").is_dir(),
    reason=f"needs the released checkpoints and golden outputs in {REFERENCE}",
)


class Released(NamedTuple):
    manifest: Manifest
    network: nn.Module
    measured: dict[str, Any]  # by the official code


@pytest.fixture(
    params=["team00_RLFN", "team21_SlimRLFN", "team21_SlimRLFN_prune", "team25_EERN", "team28_MSN"],
    scope="module",
)
def released(request: pytest.FixtureRequest) -> Iterator[Released]:
    manifest = load_toml(Manifest, ROOT / "models" / f"{request.param}.toml")
    assert manifest.checkpoint is not None
    state = torch.load(
        REFERENCE / "weights" / manifest.checkpoint.file, map_location="cpu", weights_only=True
    )
    network = CLASSES[manifest.class_](**manifest.args).eval()
    network.load_state_dict(state[manifest.checkpoint.key] if manifest.checkpoint.key else state, strict=True)
    measured = json.loads((REFERENCE / "ntire2024_esr.json").read_text(encoding="utf-8"))[manifest.model]
    yield Released(manifest, network, measured)


def test_released_file_is_the_one_the_manifest_names(released: Released) -> None:
    checkpoint = released.manifest.checkpoint
    assert checkpoint is not None
    content = (REFERENCE / "weights" / checkpoint.file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == checkpoint.sha256
    assert checkpoint.url.endswith("/model_zoo/" + checkpoint.file)


def test_state_dict_has_the_released_names_and_shapes(released: Released) -> None:
    shapes = {name: list(tensor.shape) for name, tensor in released.network.state_dict().items()}
    assert shapes == {name: list(shape) for name, shape in released.measured["state_dict"].items()}


def test_golden_output(released: Released) -> None:
    data_range = released.manifest.data_range
    assert data_range == released.measured["data_range"]
    golden = np.load(REFERENCE / "golden" / f"{released.manifest.model}.npz")
    with torch.no_grad():
        output = released.network(torch.from_numpy(golden["input"])).numpy()
    assert np.abs(output - golden["output"]).max() <= 1e-4 * data_range


def test_counts_of_the_official_code(released: Released) -> None:
    outputs: list[int] = []
    hooks = [
        module.register_forward_hook(lambda _module, _args, out: outputs.append(out.numel()))
        for module in released.network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    image = torch.zeros(1, 3, 256, 256)
    with torch.no_grad():
        released.network(image)
    for hook in hooks:
        hook.remove()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counter = FlopCountAnalysis(released.network, image)
        flops = counter.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()
    measured = released.measured
    assert (sum(outputs), len(outputs)) == (measured["activations"], measured["num_conv"])
    assert flops == measured["flops_fvcore"]
    assert sum(p.numel() for p in released.network.parameters()) == measured["num_parameters"]
