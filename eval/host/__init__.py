"""Facts about this machine: processor, GPU, processes, disk space."""
