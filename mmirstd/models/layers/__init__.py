"""Building blocks: plain modules that import without MMEngine."""
