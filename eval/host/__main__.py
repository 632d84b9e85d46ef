"""Is this machine fit for timing? `python -m eval.host [--device D]` prints graded checks with remedies."""

from __future__ import annotations

import argparse
import sys

from data.errors import InputError
from eval.host.environment_check import check_environment
from eval.host.gpu import choose_device, find_gpu


def main(arguments: list[str] | None = None) -> int:
    """`python -m eval.host [--device D]`: print the checks. Returns 1 if one fails, 2 for a usage error, else 0."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.host", description="Is this machine fit for timing?"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N (default: auto)")
    try:
        gpu = find_gpu(choose_device(parser.parse_args(arguments).device))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    checks = check_environment(gpu)
    for check in checks:
        print(f"{check.grade:8}{check.name}: {check.found}")
        if check.grade in ("caution", "fail"):
            print(f"{'':8}remedy: {check.remedy}")
    return int(any(check.grade == "fail" for check in checks))


if __name__ == "__main__":
    sys.exit(main())
