# @expected: failed: loading: time limit
# @limit_s: 3
"""Never finishes its import (two minutes)."""

import time

time.sleep(120)
