"""Judge super-resolution submissions: `python test_demo.py --model_id 25`.

Quality, runtime, memory and complexity of one submission or many, each in its own confined process; records,
`results.json`, `results.txt` and `leaderboard.csv` go to `--save_dir`.
"""

from __future__ import annotations

import sys
from typing import Any

try:
    from eval.cli import main
except ModuleNotFoundError as error:  # the first thing a new user meets
    print(
        f"test_demo.py: error: no package {error.name!r}; run `pip install -r requirements.txt`",
        file=sys.stderr,
    )
    sys.exit(2)


def _summarise(*arguments: Any) -> None:
    """Rank and print at the end; pandas is imported only now, so that judging starts sooner."""
    from leaderboard.summary import summarise

    summarise(*arguments)


if __name__ == "__main__":
    sys.exit(main(_summarise))
