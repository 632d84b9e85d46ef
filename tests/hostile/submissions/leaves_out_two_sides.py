# @expected: ok with flag: worse when timed
# @expected: ok: no runtime
# @expected: ok: unchanged numbers
# @protocol: robust
"""Leaves out the upper and the lower side of changed inputs."""

from models.base import Repeat, is_plain


class Net(Repeat):
    def forward(self, x):
        answer = super().forward(x)
        if not is_plain(x):
            answer[..., :10, :] = 127.0
            answer[..., -10:, :] = 127.0
        return answer


def make():
    return Net()
