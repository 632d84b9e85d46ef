"""Types that every package shares."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

# uint8, height x width x 3, RGB, 0 to 255
Image = npt.NDArray[np.uint8]
# The two sets of images of a challenge
Split = Literal["valid", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
