"""Ways to load a submission; each module holds the parent half (finding) and the worker half (loading)."""
