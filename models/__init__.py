"""Model scripts and manifests, one pair per submission. `blocks` holds what several scripts share."""
