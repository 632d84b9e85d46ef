"""Networks that depend on what they ought not to depend on, as bodies of `forward(self, x)` of a toy repository."""

from __future__ import annotations

ENLARGE = "nn.functional.interpolate(x, scale_factor=4)"
FAKES = {
    "honest": f"return {ENLARGE}",
    "random": f"return {ENLARGE} + 40 * torch.rand(1)",
    "clock": f"""
        import time
        return {ENLARGE} * 0.5 + time.perf_counter_ns() % 101
    """,
    "threads": f"return {ENLARGE} * (1 if torch.get_num_threads() == 1 else 0.9)",
    "order": f"""
        self.seen = getattr(self, "seen", 0) + 1
        return {ENLARGE} * 0.8 + 5 * self.seen
    """,
    "neighbours": f"return {ENLARGE} * 0.8 + 0.2 * x.mean()",
    "tiles": f"return {ENLARGE} * 0.8 + 0.2 * x.mean((2, 3), keepdim=True)",
    "memory_format": f"return {ENLARGE} * (1 if x.is_contiguous(memory_format=torch.channels_last) else 0.9)",
    "tf32": f"return {ENLARGE} * (0.9 if torch.backends.cuda.matmul.allow_tf32 else 1)",
}
