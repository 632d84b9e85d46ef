"""One stage of a training: where it starts, its steps, its validation, its pruning."""
