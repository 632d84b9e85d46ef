"""What confinement costs: start-up at each level against a plain one, and a CPU model's forward inside.

    python -m bench.sandbox [--rounds 9] [--no-torch]

Prints medians in milliseconds and ratios to plain. Rounds are interleaved, so that a busy machine hits all alike.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from eval.confine.probe import why_not
from eval.sandbox import CPU_LIMITS, Level, spawn

EMPTY = ["-I", "-S", "-B", "-c", "print('up', flush=True)"]
IMPORT_TORCH = ["-I", "-B", "-c", "import torch\nprint('up', flush=True)"]
FORWARD = """
import time, torch
layers = [torch.nn.Conv2d(32, 32, 3, padding=1) for _ in range(8)]
model, image = torch.nn.Sequential(*layers).eval(), torch.rand(1, 32, 128, 128)
times = []
with torch.inference_mode():
    for _ in range(30):
        began = time.perf_counter()
        model(image)
        times.append(time.perf_counter() - began)
print(sorted(times[5:])[len(times[5:]) // 2] * 1e3, flush=True)
"""
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


def printed_ms(start: Callable[[], tuple[float, str]]) -> float:
    """What the program measured itself."""
    return float(start()[1])


def runners_of(
    levels: Sequence[Level],
    arguments: Sequence[str],
    measure: Callable[[Callable[[], tuple[float, str]]], float],
) -> dict[str, Callable[[], float]]:
    """One runner without a sandbox and one for each level."""
    runners: dict[str, Callable[[], float]] = {"plain": partial(measure, partial(plain, arguments))}
    for level in levels:
        runners[level.value] = partial(measure, partial(confined, level, arguments))
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


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="samples per level (default %(default)s)")
    parser.add_argument("--no-torch", action="store_true", help="only the start-up of a bare interpreter")
    options = parser.parse_args()
    levels = [level for level in Level if not why_not(level)]
    for level in Level:
        print(f"{level}: {why_not(level) or 'works'}")

    table("Start-up of a bare interpreter", runners_of(levels, EMPTY, elapsed_ms), options.rounds)
    kills = {level.value: partial(killing, level) for level in levels}
    table("Kill", kills, options.rounds)
    if options.no_torch:
        return
    table("Start-up and import of torch", runners_of(levels, IMPORT_TORCH, elapsed_ms), options.rounds)
    forwards = runners_of(levels, ["-I", "-B", "-c", FORWARD], printed_ms)
    table("Median forward of eight 3x3 convolutions, one thread", forwards, options.rounds)


if __name__ == "__main__":
    main()
