"""Scoring: masks -> whole numbers per image -> rates.

`counts`, `rates` and `curves` are plain functions on numpy arrays, `scorer` collects a set of
images; none of them needs an OpenMMLab package. `irstd_metric` wires the scorer into MMEngine,
`folder` into ``mmirstd score``, `output` prints and writes what they find.
docs/reference/metrics.md explains definitions and conventions.
"""
