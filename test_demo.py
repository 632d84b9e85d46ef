"""Judge super-resolution submissions: `python test_demo.py --model_id 25`.

Quality, runtime, memory and complexity of one submission or many, each in its own confined process; records,
`results.json`, `results.txt` and `leaderboard.csv` go to `--save_dir`.
"""

from __future__ import annotations

import sys

from eval.cli import main

if __name__ == "__main__":
    sys.exit(main())
