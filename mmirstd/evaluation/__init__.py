"""Evaluation: masks -> counts per image -> rates.

`counts`, `rates` and `curves` are plain functions on numpy arrays, and `scorer` collects the
images of a dataset; none of them needs an OpenMMLab package. `irstd_metric` connects the scorer to
MMEngine, `folder` to ``mmirstd score``, and `output` prints and writes the results.
docs/reference/metrics.md explains definitions and conventions.
"""
