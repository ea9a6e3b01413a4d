"""Datasets, published splits, data pipelines and procedural scenes; import the module you need."""
