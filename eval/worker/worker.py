"""One submission's life inside its process: inspect, load, forward many times, count."""

from __future__ import annotations

import contextlib
import importlib
import math
from pathlib import Path
from typing import Any

import torch

from data.types import Image
from eval.filters import lockdown
from eval.protocol import channel, complexity_report
from eval.protocol.channel import Operation, Reply, Request
from eval.protocol.job import WorkerJob
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
from eval.worker import cpu_fallback, examine, failure_reasons, memory, module_finder, timers
from eval.worker.adapters import checkpoints, ensemble, traced_graph
from eval.worker.adapters.loaded_model import LoadedModel, Setting
from eval.worker.counters import counting
from eval.worker.switched import switched


class Worker:
    """Answers the parent's requests about one submission. The parent believes none of its answers unchecked."""

    def __init__(self, job: int, request_slot: int, answer_slot: int, graph_slot: int) -> None:
        """Take the descriptors of the job and of the slots."""
        self._job = WorkerJob.open(job)
        self._adapter = importlib.import_module(f"eval.worker.adapters.{self._job.source.adapter}")
        self._device = torch.device(self._job.device)
        self._request_slot = channel.Slot.open(request_slot)
        self._answer_slot = channel.Slot.open(answer_slot)
        self._graph_slot = channel.Slot.open(graph_slot)
        if self._device.type == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("no CUDA device is usable inside the sandbox")
        self._timer = timers.make_timer(self._device)
        self._memory = memory.MemoryMeter(self._device)
        self._loaded: LoadedModel | None = None
        self._mode: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()

    def handle(self, request: Request) -> Reply:
        """Answer one request; whatever the team's code raises becomes a FAILED reply with its reason."""
        handlers = {
            Operation.INSPECT: self._inspect,
            Operation.LOAD: self._load,
            Operation.MEMORY: self._peak_memory,
            Operation.FORWARD: lambda: self._forward(request.height, request.width),
            Operation.COUNT: lambda: self._count(request.height, request.width),
            Operation.FOLDER: self._folder,
            Operation.EXPORT: lambda: self._export(request.height, request.width),
            Operation.RECOUNT: lambda: self._recount(request.height, request.width),
            Operation.EXAMINE: lambda: self._examine(request.height, request.width),
            Operation.WEIGHTS: self._weights,
        }
        try:
            answer: Statement = handlers[request.operation]()
            return answer.pack()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            text = failure_reasons.reason(error, self._job.source, (request.height, request.width))
            return Reply(channel.Status.FAILED, (), text)

    def _inspect(self) -> Inspected:
        """Count tensors, elements and bytes of each checkpoint before any team code ran; take hold of the counters."""
        counting.import_counters()
        tensors = elements = size = 0
        for path in self._job.checkpoints:
            content = checkpoints.load(Path(path))
            for tensor in checkpoints.tensors(content):
                tensors, elements = tensors + 1, elements + tensor.numel()
                size += tensor.numel() * tensor.element_size()
        return Inspected(tensors, elements, size)

    def _load(self) -> Loaded:
        """Confine this process for good, then run the team's code."""
        source = self._job.source
        trouble = lockdown.lock()
        if trouble and self._job.must_lock:
            raise RuntimeError(f"confinement before loading failed: {trouble}")
        if self._device.type == "cpu":
            self._mode = cpu_fallback.redirect_cuda()
        _patch_torch_load(self._device, allow_pickle=source.allow_pickle)
        module_finder.hide_harness(keep_models=source.shows_models)
        setting = Setting(self._device, self._job.scale, self._graph_slot)
        with self._mode:
            loaded: LoadedModel = self._adapter.load(source, setting)
        if source.self_ensemble:
            loaded = ensemble.self_ensemble(loaded)
        self._loaded = switched(loaded, self._job.switches)
        self._mode = contextlib.nullcontext()
        if not 0 < loaded.data_range < 1e6:
            raise ValueError(f"data range {loaded.data_range!r}: expected 1.0 or 255.0")
        self._touch_conversions(loaded.data_range)
        self._memory.reset()
        parameters = sum(parameter.numel() for parameter in loaded.model.parameters())
        name = " ".join(loaded.name.split())
        return Loaded(loaded.data_range, parameters, name, "; ".join(loaded.notes))

    def _touch_conversions(self, data_range: float) -> None:
        """Run the conversions once, so that their first call does not fall into the first request's gap."""
        pixels = torch.zeros(8, 8, 3, dtype=torch.uint8).numpy()
        self._hand_over(self._to_tensor(pixels, data_range))

    def _forward(self, height: int, width: int) -> Forwarded:
        """Super-resolve the request slot's image."""
        model = self._model()
        image = self._to_tensor(self._request_slot.read(height, width), model.data_range)
        with torch.no_grad(), self._mode:
            output, elapsed_ms = self._timed(model, image)
        self._check(output, self._expected(height, width))
        self._hand_over(output)
        return Forwarded(elapsed_ms)

    def _timed(self, model: LoadedModel, image: torch.Tensor) -> tuple[Any, float]:
        try:
            return self._timer(lambda: model.forward(image))
        except (AssertionError, RuntimeError) as error:
            if self._device.type != "cpu" or not any(word in str(error) for word in ("CUDA", "NVIDIA")):
                raise
        # The model names a CUDA device while it runs: from here on every call is redirected, at some cost in time.
        self._mode = cpu_fallback.CudaMeansCpu()
        with self._mode:
            return self._timer(lambda: model.forward(image))

    def _to_tensor(self, pixels: Image, data_range: float) -> torch.Tensor:
        """uint8 HxWx3 to float32 1x3xHxW in 0..data_range, in the official order of operations.

        As there, the result keeps the image's channels-last strides. They decide which convolution kernels run, and
        with them the last bit.
        """
        tensor = torch.from_numpy(pixels).permute(2, 0, 1).float().div(255.0 / data_range).unsqueeze(0)
        return tensor.to(self._device)

    def _hand_over(self, output: torch.Tensor) -> None:
        """The network's values as float32 into the answer slot. The parent makes pixels of them."""
        values = output.detach()[0]
        torch.from_numpy(self._answer_slot.values(*values.shape[1:])).copy_(values)

    def _expected(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The shape of the answer to an image of this size."""
        return 1, 3, height * self._job.scale, width * self._job.scale

    def _check(self, output: Any, shape: tuple[int, ...]) -> None:
        """Raise ValueError unless `output` is a plain floating-point tensor of `shape`."""
        if type(output) is not torch.Tensor:
            raise ValueError(f"bad output: a {type(output).__name__}, expected a plain torch.Tensor")
        if tuple(output.shape) != shape:
            hint = failure_reasons.scale_hint(tuple(output.shape), shape, self._job.scale)
            raise ValueError(f"bad output: shape {tuple(output.shape)}, expected {shape}{hint}")
        if not output.is_floating_point():
            raise ValueError(f"bad output: dtype {output.dtype}, expected a floating-point type")

    def _folder(self) -> FolderDone:
        """Run a program on the job's folders."""
        run_folder = self._model().run_folder
        source: Any = self._job.source
        if run_folder is None:
            raise RuntimeError("this submission is no program that reads a folder")
        with torch.no_grad(), self._mode:
            return run_folder(source.input, source.output)

    def _peak_memory(self) -> MemoryPeak:
        peak = self._memory.peak_mib()
        since_reset = self._memory.since_reset
        self._memory.reset()
        return MemoryPeak(None if math.isnan(peak) else peak, since_reset)

    def _count(self, height: int, width: int) -> CountedText:
        model = self._model()
        crop = self._to_tensor(self._request_slot.read(height, width), model.data_range) if height else None
        with self._mode:
            counted = counting.count(model.model, model.data_range, self._device, crop)
        return CountedText(complexity_report.dump(counted).decode("ascii"))

    def _export(self, height: int, width: int) -> Exported:
        """Trace everything that makes an image of this size into the graph slot."""
        model = self._model()
        image = self._to_tensor(self._request_slot.read(height, width), model.data_range)
        with torch.no_grad(), self._mode:
            content = traced_graph.traced(model, image)
        self._graph_slot.write_bytes(content)
        return Exported(len(content))

    def _recount(self, height: int, width: int) -> CountedAgain:
        """Super-resolve the request slot's image with every operator watched."""
        model = self._model()
        image = self._to_tensor(self._request_slot.read(height, width), model.data_range)
        output, counted = counting.recount(model.model, image)
        self._check(output, self._expected(height, width))
        self._hand_over(output)
        return counted

    def _examine(self, height: int, width: int) -> Examined:
        """Look at the network's state after a forward pass on the request slot's image."""
        model = self._model()
        image = self._to_tensor(self._request_slot.read(height, width), model.data_range)
        with self._mode:
            return examine.examined(model, image)

    def _weights(self) -> Exported:
        """Save the network's weights into the graph slot."""
        content = examine.weights(self._model())
        self._graph_slot.write_bytes(content)
        return Exported(len(content))

    def _model(self) -> LoadedModel:
        if self._loaded is None:
            raise RuntimeError("no submission is loaded")
        return self._loaded


def _patch_torch_load(device: torch.device, *, allow_pickle: bool) -> None:
    """Team code's `torch.load`: onto this worker's device, and tensors only unless full unpickling was allowed."""
    original = torch.load

    def load_onto_device(file: Any, map_location: Any = None, *args: Any, **kwargs: Any) -> Any:
        kwargs["weights_only"] = not allow_pickle
        if map_location is None or device.type == "cpu":
            map_location = device
        return original(file, map_location, *args, **kwargs)

    torch.load = load_onto_device  # type: ignore[assignment]
