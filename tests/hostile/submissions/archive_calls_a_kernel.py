# @expected: ok with flag: complexity not confirmed
# @protocol: robust
"""Hands over an archive whose convolutions call the kernel directly, below everything that watches operators."""

import re

from models.base import Repeat, edit_sources, hand_over

CONVOLUTION = r"torch\._convolution\((\w+), (\w+), (\w+), (\[\d, \d\]), (\[\d, \d\]), (\[\d, \d\]),[^)]*\)"
KERNEL = r"ops.prim.mkldnn_convolution(\1, \2, \3, \4, \5, \6, 1)"


def make():
    hand_over(lambda archive: edit_sources(archive, lambda text: re.sub(CONVOLUTION, KERNEL, text)))
    return Repeat()
