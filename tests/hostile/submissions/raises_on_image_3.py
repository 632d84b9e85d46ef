# @expected: failed: image img2.*out of ideas
# @default: yes
"""Two good answers, then an exception: there must be no mean over two images."""

from models.base import Repeat


class Partial(Repeat):
    calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls == 3:
            raise ValueError("out of ideas")
        return super().forward(x)


def make():
    return Partial()
