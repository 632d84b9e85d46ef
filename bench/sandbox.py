"""What confinement costs: start-up, kill, a submission's measured runtime, and the second worker.

    python -m bench.sandbox [--rounds 9] [--model_id 21] [--only start kill torch syscall runtime second]

Prints medians in milliseconds and ratios to the first row. Rounds are interleaved, so that a busy machine hits all
alike. `runtime` and `second` need the checkpoint of --model_id (`python -m model_zoo fetch ID`).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from eval.harness import worker_process, worker_setup
from eval.sandbox import CPU_LIMITS, Level, spawn
from eval.sandbox.probe import why_not
from eval.submissions.catalogue import find_manifest
from eval.submissions.resolve import from_manifest
from eval.submissions.submission import Submission

EMPTY = ["-I", "-S", "-B", "-c", "print('up', flush=True)"]
IMPORT_TORCH = ["-I", "-B", "-c", "import torch\nprint('up', flush=True)"]
# Nanoseconds of one system call under both filters; packages by name, since Landlock lets nobody list the root
SYSTEM_CALL = """
import os, sys, time, types
for name in ("eval", "eval.filters"):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [os.path.join(sys.argv[1], *name.split("."))]
from eval.filters.lockdown import lock
if sys.argv[2] != "plain":
    lock()
def round_ns():
    began = time.perf_counter_ns()
    for _ in range(100000):
        os.getppid()
    return (time.perf_counter_ns() - began) / 1e5
print(min(round_ns() for _ in range(9)), flush=True)
"""
PARTS = ("start", "kill", "torch", "syscall", "runtime", "second")
WARM_UPS = 3
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}


def plain(arguments: Sequence[str]) -> tuple[float, str]:
    """Milliseconds from start to end without a sandbox, and the output."""
    began = time.perf_counter()
    result = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **ENVIRONMENT},
    )
    return (time.perf_counter() - began) * 1e3, result.stdout


def confined(level: Level, arguments: Sequence[str]) -> tuple[float, str]:
    """Milliseconds from `spawn` to the end inside a sandbox, and the output."""
    began = time.perf_counter()
    with spawn(level, [sys.executable, *arguments], None, CPU_LIMITS, env=ENVIRONMENT) as sandbox:
        status = sandbox.wait(120)
        elapsed_ms = (time.perf_counter() - began) * 1e3
    text = sandbox.output().decode(errors="replace")
    if status != 0:
        raise SystemExit(f"{level}: ended with {status}: {text}")
    return elapsed_ms, text


def elapsed_ms(start: Callable[[], tuple[float, str]]) -> float:
    """What the harness waited."""
    return start()[0]


def runners_of(levels: Sequence[Level], arguments: Sequence[str]) -> dict[str, Callable[[], float]]:
    """One runner without a sandbox and one for each level."""
    runners: dict[str, Callable[[], float]] = {"plain": partial(elapsed_ms, partial(plain, arguments))}
    for level in levels:
        runners[level.value] = partial(elapsed_ms, partial(confined, level, arguments))
    return runners


def killing(level: Level) -> float:
    """Milliseconds that `kill` takes for one sleeping program: processes gone, survivors looked for."""
    program = [sys.executable, "-I", "-S", "-B", "-c", "print('up', flush=True)\nimport time\ntime.sleep(60)"]
    with spawn(level, program) as sandbox:
        while not sandbox.output():
            time.sleep(0.001)
        began = time.perf_counter()
        sandbox.kill()
        return (time.perf_counter() - began) * 1e3


def processor_ms() -> float:
    """Processor time of the harness and of all processes that it has reaped, which other load does not stretch."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) * 1e3


def table(title: str, runners: Mapping[str, Callable[[], float]], rounds: int) -> None:
    """Run each runner once per round, print median, spread and the difference and ratio to the first."""
    samples: dict[str, list[float]] = {name: [] for name in runners}
    processor: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, runner in runners.items():
            before = processor_ms()
            samples[name].append(runner())
            processor[name].append(processor_ms() - before)
    first = statistics.median(next(iter(samples.values())))
    print(f"\n{title}, {rounds} interleaved rounds")
    print(f"  {'':<10}{'median ms':>10}{'min':>9}{'max':>9}{'to first':>10}{'ratio':>7}{'processor ms':>14}")
    for name, values in samples.items():
        median = statistics.median(values)
        print(
            f"  {name:<10}{median:10.1f}{min(values):9.1f}{max(values):9.1f}{median - first:+10.1f}"
            f"{median / first:7.3f}{statistics.median(processor[name]):14.1f}",
            flush=True,
        )


def system_calls(levels: Sequence[Level]) -> None:
    """What a system call costs inside: all that filters can add to a forward pass, which makes few."""
    arguments = ["-I", "-S", "-B", "-c", SYSTEM_CALL, str(Path(__file__).resolve().parents[1])]
    print("\nSystem call, nanoseconds, least of nine rounds")
    print(f"  {'plain':<10}{float(plain([*arguments, 'plain'])[1]):8.0f}")
    for level in levels:
        print(f"  {level.value:<10}{float(confined(level, [*arguments, level.value])[1]):8.0f}", flush=True)


def setup_at(level: Level) -> worker_setup.Setup:
    """Workers of the CPU harness for images of at most 128x128."""
    return worker_setup.Setup("cpu", 4, 128 * 128, level, CPU_LIMITS)


def runtime_inside(levels: Sequence[Level], model: Submission, sets: int, requests: int) -> None:
    """The time that a worker measures for one forward pass, its level being the only difference.

    One worker per level, and a second one at the last level, are loaded; then all are asked in turn, request by
    request: a change of the machine's load within a second meets all alike. `sets` fresh groups of workers average
    what differs between equal processes (where their memory lies). Ratios are taken within a set, against the last
    level; the second worker there shows how far equal ones are apart.
    """
    rng = np.random.default_rng(0)
    names = [*(level.value for level in levels), f"{levels[-1].value} again"]
    medians: dict[str, list[float]] = {name: [] for name in names}
    gaps: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(sets):
        answers = ask_in_turn(dict(zip(names, [*levels, levels[-1]], strict=True)), model, requests, rng)
        for name, given in answers.items():
            medians[name].append(statistics.median(answer.worker_ms for answer in given))
            gaps[name].append(min(answer.wall_ms - answer.worker_ms for answer in given))
    print(
        f"\nRuntime of {model.model} as its worker measures it, 96x96, {sets} sets of {requests} requests each"
    )
    print(f"  {'':<14}{'median ms':>10}{'ratio':>8}{'standard error':>16}{'gap ms':>8}")
    for name in names:
        ratios = [own / base for own, base in zip(medians[name], medians[levels[-1].value], strict=True)]
        error = statistics.stdev(ratios) / sets**0.5
        print(
            f"  {name:<14}{statistics.median(medians[name]):10.2f}{statistics.mean(ratios):8.4f}{error:16.4f}"
            f"{statistics.median(gaps[name]):8.2f}",
            flush=True,
        )


def ask_in_turn(
    levels: Mapping[str, Level], model: Submission, requests: int, rng: np.random.Generator
) -> dict[str, list[worker_process.Answer]]:
    """Answers by name of one fresh worker each, to the same images, in an order drawn for each image."""
    answers: dict[str, list[worker_process.Answer]] = {name: [] for name in levels}
    with contextlib.ExitStack() as stack:
        started = {
            name: stack.enter_context(worker_process.WorkerProcess(model, setup_at(level)))
            for name, level in levels.items()
        }
        for worker in started.values():
            worker.load()
        for number in range(requests + WARM_UPS):
            image = rng.integers(0, 256, (96, 96, 3), np.uint8)
            for name in rng.permutation(list(levels)):
                answer = started[name].forward(image, "bench")
                if number >= WARM_UPS:
                    answers[name].append(answer)
    return answers


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def second_worker(level: Level, model: Submission, rounds: int) -> None:
    """What the timed worker costs: alone, and when it starts while the scored one counts operations."""
    crop = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    parts: dict[str, list[float]] = {"alone": [], "count": [], "count beside": [], "left": []}
    for _ in range(rounds):
        with worker_process.WorkerProcess(model, setup_at(level)) as scored:
            parts["alone"].append(seconds(scored.load))
            scored.count(crop)  # the first one imports the counters
            parts["count"].append(seconds(lambda worker=scored: worker.count(crop)))  # type: ignore[misc]
            began = time.perf_counter()
            with worker_process.WorkerProcess(model, setup_at(level)) as timed:
                scored.count(crop)
                parts["count beside"].append(time.perf_counter() - began)
                scored.close()
                parts["left"].append(seconds(timed.load))
    found = {name: statistics.median(values) for name, values in parts.items()}
    hidden = found["count beside"] + found["left"] - found["count"]
    print(f"\nThe second worker at level {level}, {model.model}, medians of {rounds} rounds, seconds")
    print(f"  start, import of torch and load, alone             {found['alone']:6.2f}")
    print(f"  counting operations in the first worker            {found['count']:6.2f}")
    print(f"  the same while the second one starts               {found['count beside']:6.2f}")
    print(f"  left to wait for the second one after that         {found['left']:6.2f}")
    print(f"  added to the evaluation by the second worker       {hidden:6.2f}", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="samples per level (default %(default)s)")
    parser.add_argument("--model_id", default="21", help="of `runtime` and `second` (default %(default)s)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run (default: all)")
    options = parser.parse_args()
    levels = [level for level in Level if not why_not(level)]
    for level in Level:
        print(f"{level}: {why_not(level) or 'works'}")
    if "start" in options.only:
        table("Start-up of a bare interpreter", runners_of(levels, EMPTY), options.rounds)
    if "kill" in options.only:
        table("Kill", {level.value: partial(killing, level) for level in levels}, options.rounds)
    if "syscall" in options.only:
        system_calls(levels)
    if "torch" in options.only:
        table("Start-up and import of torch", runners_of(levels, IMPORT_TORCH), options.rounds)
    if {"runtime", "second"} & set(options.only):
        model = from_manifest(find_manifest(options.model_id))
        if "runtime" in options.only:
            runtime_inside(levels, model, sets=max(options.rounds, 2), requests=20)
        if "second" in options.only:
            second_worker(levels[0], model, options.rounds)


if __name__ == "__main__":
    main()
