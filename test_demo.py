"""Judge super-resolution submissions: `python test_demo.py --model_id 25`.

Quality, runtime, memory and complexity of one submission or many, each in its own confined process; records,
`results.json`, `results.txt` and `leaderboard.csv` go to `--save_dir`.
"""

from __future__ import annotations

import sys
from typing import Any

from eval.cli import main


def summarise(*arguments: Any) -> None:
    """Rank and print at the end; pandas is imported only now, so that judging starts sooner."""
    from leaderboard.summary import summarise

    summarise(*arguments)


if __name__ == "__main__":
    sys.exit(main(summarise))
