"""How runtime is measured and summarised: inputs that never repeat, and statistics."""
