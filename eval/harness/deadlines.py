"""How long a worker may take: for an image, for loading, for counting, and in all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Deadlines:
    """Wall-clock bounds in seconds, kept by the parent."""

    load_s: float = 300.0
    image_s: float = 600.0
    count_s: float = 600.0
    total_s: float = 6 * 3600.0

    @classmethod
    def per_image(cls, image_s: float) -> Deadlines:
        """`image_s` per image; a machine that needs more than the default gets as much more for all else."""
        slowness = max(image_s / cls.image_s, 1.0)
        return cls(cls.load_s * slowness, image_s, cls.count_s * slowness, cls.total_s * slowness)
