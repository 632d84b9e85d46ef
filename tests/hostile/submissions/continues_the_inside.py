# @expected: ok with flag: worse when timed
# @expected: ok: no runtime
# @expected: ok: unchanged numbers
# @protocol: robust
"""Continues the columns inside to the borders of changed inputs, instead of computing those."""

from models.base import Repeat, is_plain


class Net(Repeat):
    def forward(self, x):
        answer = super().forward(x)
        if not is_plain(x):
            answer[..., :10] = answer[..., 10:11]
            answer[..., -10:] = answer[..., -11:-10]
        return answer


def make():
    return Net()
