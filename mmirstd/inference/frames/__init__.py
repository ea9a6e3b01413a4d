"""Processing of frames around the model: first check, whole-frame steps, tiles, mirror images."""
