"""Datasets, published lists, data pipelines and procedural scenes; import the module you need."""
