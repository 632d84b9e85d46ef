# @expected: ok with flag: worse when timed
# @expected: ok: no runtime
# @expected: ok: unchanged numbers
# @protocol: robust
# @default: yes
"""Leaves out the borders of changed inputs, in each worker alike: elsewhere its answers are as good as ever."""

from models.base import Repeat, is_plain


class Net(Repeat):
    def forward(self, x):
        answer = super().forward(x)
        if not is_plain(x):
            for side in (answer[..., :8, :], answer[..., -8:, :], answer[..., :8], answer[..., -8:]):
                side.fill_(127.0)
        return answer


def make():
    return Net()
