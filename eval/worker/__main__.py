"""The isolated side: holds one submission, sees low-resolution images only, answers requests of `eval.channel`.

Started by the parent inside a sandbox as `python -I -B eval/worker/__main__.py CONTROL REQUEST ANSWER GRAPH JOB`, five
inherited descriptors: the control socket, the two image slots, the slot for a traced network and the job
description. Everything of the harness that is needed later is imported before the team's module, and is then
taken out of `sys.modules`, so that a repository's own `eval`, `data` or `models` are found by its scripts.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import os
import socket
import sys
import traceback
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from eval.protocol.channel import Reply, Request
    from eval.worker.adapters.loaded import Loaded

ROOT = Path(__file__).resolve().parents[2]
REPOSITORIES = ("repository", "folder_program")


class HarnessModules(importlib.abc.MetaPathFinder):
    """Finds the harness's and the shared model modules by their exact paths: sandboxes may refuse to list ROOT."""

    def __init__(self, packages: tuple[str, ...]) -> None:
        self._packages = packages

    def find_spec(
        self, fullname: str, _path: Any = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self._packages:
            return None
        base = ROOT.joinpath(*fullname.split("."))
        if (base / "__init__.py").is_file():
            return importlib.util.spec_from_file_location(
                fullname, base / "__init__.py", submodule_search_locations=[str(base)]
            )
        file = base.with_suffix(".py")
        return importlib.util.spec_from_file_location(fullname, file) if file.is_file() else None


class Worker:
    """One submission's life: inspect, load, forward many times, count."""

    def __init__(self, job: dict[str, Any], request_slot: int, answer_slot: int, graph_slot: int) -> None:
        import torch

        from eval.filters import lockdown
        from eval.protocol import channel, complexity_report
        from eval.worker import cpu_fallback, memory, timers
        from eval.worker.adapters import checkpoints, ensemble, traced_graph
        from eval.worker.counters import counting

        self._torch, self._channel = torch, channel
        self._complexity, self._counts = counting, complexity_report
        self._lockdown, self._checkpoints, self._cpu_stand_in = lockdown, checkpoints, cpu_fallback
        self._ensemble, self._graph = ensemble, traced_graph
        self._job = job
        self._adapter = importlib.import_module(f"eval.worker.adapters.{job['adapter']}")
        self._device = torch.device(job["device"])
        self._request_slot = channel.Slot.open(request_slot)
        self._answer_slot = channel.Slot.open(answer_slot)
        self._graph_slot = job["source"]["graph"] = channel.Slot.open(graph_slot)
        if self._device.type == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("no CUDA device is usable inside the sandbox")
        self._timer = timers.make_timer(self._device)
        self._memory = memory.MemoryMeter(self._device)
        self._loaded: Loaded | None = None
        self._mode: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()

    def handle(self, request: Request) -> Reply:
        """Answer one request; whatever the team's code raises becomes a FAILED reply with its reason."""
        operations = self._channel.Operation
        handlers = {
            operations.INSPECT: self._inspect,
            operations.LOAD: self._load,
            operations.MEMORY: self._peak_memory,
            operations.FORWARD: lambda: self._forward(request.height, request.width),
            operations.COUNT: lambda: self._count(request.height, request.width),
            operations.FOLDER: self._folder,
            operations.EXPORT: lambda: self._export(request.height, request.width),
            operations.RECOUNT: lambda: self._recount(request.height, request.width),
        }
        try:
            return handlers[request.operation]()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return self._channel.Reply(self._channel.Status.FAILED, (), reason(error))

    def _inspect(self) -> Reply:
        """Count tensors, elements and bytes of each checkpoint before any team code ran; take hold of the counters."""
        self._complexity.import_counters()
        tensors = elements = size = 0
        for path in self._job["checkpoints"]:
            content = self._checkpoints.load(Path(path))
            for tensor in self._checkpoints.tensors(content):
                tensors, elements = tensors + 1, elements + tensor.numel()
                size += tensor.numel() * tensor.element_size()
        return self._ok(float(tensors), float(elements), float(size))

    def _load(self) -> Reply:
        """Confine this process for good, then run the team's code."""
        trouble = self._lockdown.lock()
        if trouble and self._job["must_lock"]:
            raise RuntimeError(f"confinement before loading failed: {trouble}")
        if self._device.type == "cpu":
            self._mode = self._cpu_stand_in.install()
        _patch_torch_load(self._torch, self._device, allow_pickle=self._job["source"]["allow_pickle"])
        _hide_harness(keep_models=self._job["adapter"] not in REPOSITORIES)
        with self._mode:
            loaded: Loaded = self._adapter.load(self._job["source"], self._device, self._job["scale"])
        if self._job["source"].get("self_ensemble"):
            loaded = self._ensemble.self_ensemble(loaded)
        self._loaded = loaded
        self._mode = contextlib.nullcontext()
        if not 0 < loaded.data_range < 1e6:
            raise ValueError(f"data range {loaded.data_range!r}: expected 1.0 or 255.0")
        self._touch_conversions(loaded.data_range)
        self._memory.reset()
        parameters = sum(parameter.numel() for parameter in loaded.model.parameters())
        return self._ok(loaded.data_range, float(parameters), text=loaded.name)

    def _touch_conversions(self, data_range: float) -> None:
        """Run the conversions once, so that their first call does not fall into the first request's gap."""
        pixels = self._torch.zeros(8, 8, 3, dtype=self._torch.uint8).numpy()
        self._to_pixels(self._to_tensor(pixels, data_range), data_range)

    def _forward(self, height: int, width: int) -> Reply:
        """Super-resolve the request slot's image; values: the worker's own time in ms."""
        model = self._model()
        image = self._to_tensor(self._request_slot.read(height, width), model.data_range)
        with self._torch.no_grad(), self._mode:
            output, elapsed_ms = self._timed(model, image)
        scale = self._job["scale"]
        self._check(output, (1, 3, height * scale, width * scale))
        self._answer_slot.write(self._to_pixels(output, model.data_range))
        return self._ok(elapsed_ms)

    def _timed(self, model: Loaded, image: torch.Tensor) -> tuple[Any, float]:
        try:
            return self._timer(lambda: model.forward(image))
        except (AssertionError, RuntimeError) as error:
            if self._device.type != "cpu" or not any(word in str(error) for word in ("CUDA", "NVIDIA")):
                raise
        # The model names a CUDA device while it runs: from here on every call is redirected, at some cost in time.
        self._mode = self._cpu_stand_in.CudaMeansCpu()
        with self._mode:
            return self._timer(lambda: model.forward(image))

    def _to_tensor(self, pixels: Any, data_range: float) -> torch.Tensor:
        """uint8 HxWx3 to float32 1x3xHxW in 0..data_range, in the official order of operations.

        Like there the result keeps the image's channels-last strides, which decide the convolution kernels
        and with them the last bit.
        """
        tensor = self._torch.from_numpy(pixels).permute(2, 0, 1).float().div(255.0 / data_range).unsqueeze(0)
        return tensor.to(self._device)

    def _to_pixels(self, output: torch.Tensor, data_range: float) -> Any:
        """float 1x3xHxW to uint8 HxWx3: clamped, scaled, rounded half to even, as the official code does."""
        scaled = output.detach()[0].float().clamp(0, data_range).mul(255.0).div(data_range).round()
        return scaled.to(self._torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()

    def _check(self, output: Any, shape: tuple[int, ...]) -> None:
        """Raise ValueError unless `output` is a plain, finite, floating-point tensor of `shape`."""
        if type(output) is not self._torch.Tensor:
            raise ValueError(f"bad output: a {type(output).__name__}, expected a plain torch.Tensor")
        if tuple(output.shape) != shape:
            raise ValueError(f"bad output: shape {tuple(output.shape)}, expected {shape}")
        if not output.is_floating_point():
            raise ValueError(f"bad output: dtype {output.dtype}, expected a floating-point type")
        if not bool(self._torch.isfinite(output).all()):
            raise ValueError("bad output: NaN or infinity in it")

    def _folder(self) -> Reply:
        """Run a program on the job's folders; values: whole ms, ms in networks, their calls, their parameters."""
        run_folder = self._model().run_folder
        if run_folder is None:
            raise RuntimeError("this submission is no program that reads a folder")
        with self._torch.no_grad(), self._mode:
            values = run_folder(self._job["source"]["input"], self._job["source"]["output"])
        return self._ok(*values)

    def _peak_memory(self) -> Reply:
        peak = self._memory.peak_mib()
        since_reset = self._memory.since_reset
        self._memory.reset()
        return self._ok(peak, float(since_reset))

    def _count(self, height: int, width: int) -> Reply:
        model = self._model()
        crop = self._to_tensor(self._request_slot.read(height, width), model.data_range) if height else None
        with self._mode:
            counted = self._complexity.count(model.model, model.data_range, self._device, crop)
        return self._ok(text=self._counts.dump(counted).decode("ascii"))

    def _export(self, height: int, width: int) -> Reply:
        """Trace everything that makes an image of this size into the graph slot; values: its bytes."""
        model = self._model()
        image = self._to_tensor(self._request_slot.read(height, width), model.data_range)
        with self._torch.no_grad(), self._mode:
            content = self._graph.dump(model, image)
        self._graph_slot.write_bytes(content)
        return self._ok(float(len(content)))

    def _recount(self, height: int, width: int) -> Reply:
        """As `_forward`, every operator watched; values: multiply-accumulates, weights; text: what was uncounted."""
        model = self._model()
        image = self._to_tensor(self._request_slot.read(height, width), model.data_range)
        output, macs, weights, uncounted = self._complexity.recount(model.model, image)
        scale = self._job["scale"]
        self._check(output, (1, 3, height * scale, width * scale))
        self._answer_slot.write(self._to_pixels(output, model.data_range))
        return self._ok(float(macs), float(weights), text=", ".join(uncounted))

    def _model(self) -> Loaded:
        if self._loaded is None:
            raise RuntimeError("no submission is loaded")
        return self._loaded

    def _ok(self, *values: float, text: str = "") -> Reply:
        return self._channel.Reply(self._channel.Status.OK, values, text)


def reason(error: BaseException) -> str:
    """What went wrong, for people: the error's kind and first lines, and the team's line that raised it."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        text = _missing_module(error.name)
    elif type(error).__name__ == "LoadError":
        return str(error)
    elif isinstance(error, SystemExit):
        text = f"the submission called sys.exit({error.code!r})"
    elif isinstance(error, (ValueError, FileNotFoundError)) and str(error):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}"
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(str(ROOT / "eval"))
    ]
    own = [f for f in frames if "site-packages" not in f.filename and not f.filename.startswith("<")]
    place = f" (at {Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    return text[:1500] + place


def _missing_module(name: str) -> str:
    top = name.partition(".")[0]
    if Path(top).is_dir():  # the working directory is the repository
        return f"the repository has no module '{name}'"
    if top in _REMOVED_FROM_STANDARD_LIBRARY:
        return (
            f"needs the standard module '{top}', which Python {_REMOVED_FROM_STANDARD_LIBRARY[top]} removed"
        )
    return f"needs the Python package '{top}', which is not installed"


_REMOVED_FROM_STANDARD_LIBRARY = {
    "imp": "3.12", "distutils": "3.12", "asynchat": "3.12", "asyncore": "3.12", "smtpd": "3.12",
    "audioop": "3.13", "cgi": "3.13", "cgitb": "3.13", "chunk": "3.13", "crypt": "3.13", "imghdr": "3.13",
    "pipes": "3.13", "sndhdr": "3.13", "telnetlib": "3.13", "uu": "3.13", "xdrlib": "3.13",
}  # fmt: skip


def _patch_torch_load(torch: Any, device: torch.device, *, allow_pickle: bool) -> None:
    """Team code's `torch.load`: onto this worker's device, and tensors only unless full unpickling was allowed."""
    original = torch.load

    def load(file: Any, map_location: Any = None, *args: Any, **kwargs: Any) -> Any:
        kwargs["weights_only"] = not allow_pickle
        if map_location is None or device.type == "cpu":
            map_location = device
        return original(file, map_location, *args, **kwargs)

    torch.load = load


def _hide_harness(*, keep_models: bool) -> None:
    """Forget the harness's modules by name, so that a submission's own `eval`, `data` or `models` are found."""
    for name in list(sys.modules):
        if name.partition(".")[0] in ("eval", "data", "models"):
            del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, HarnessModules)]
    if keep_models:
        sys.meta_path.insert(0, HarnessModules(("models",)))


def main(descriptors: list[int]) -> None:
    """Serve requests until the parent closes its end or is gone."""
    sys.meta_path.insert(0, HarnessModules(("eval", "data", "models")))
    from eval.protocol import channel

    control, request_slot, answer_slot, graph_slot, job = descriptors
    connection = socket.socket(fileno=control)
    worker: Worker | None = None
    failure = ""
    try:
        worker = Worker(channel.read_job(job), request_slot, answer_slot, graph_slot)
    except Exception as error:
        failure = reason(error)
    while frame := connection.recv(1024):
        request = channel.unpack_request(frame)
        reply = worker.handle(request) if worker else channel.Reply(channel.Status.FAILED, (), failure)
        connection.send(channel.pack_reply(request.nonce, reply))
    os._exit(0)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:6]])
