# @expected: failed: loading: time limit
# @limit_s: 3
# @default: yes
"""Never finishes its import (two minutes)."""

import time

time.sleep(120)
