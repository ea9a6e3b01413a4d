"""Scoring: masks -> whole numbers per image -> rates.

``counts``, ``rates`` and ``curves`` are plain functions on numpy arrays and need no OpenMMLab
package; ``irstd_metric`` wires them into MMEngine, ``folder`` into ``tools/score_masks.py``.
Definitions and conventions are explained in ``docs/metrics.md``.
"""
