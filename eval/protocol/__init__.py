"""What parent and worker say to each other: messages, shared memory, reports. Imported on both sides."""
