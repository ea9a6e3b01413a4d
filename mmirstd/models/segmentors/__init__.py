"""Whole segmentors: what wraps a model for a purpose such as test-time augmentation."""

from mmirstd.models.segmentors.test_time_augmentation import IRSTDTTAModel

__all__ = ['IRSTDTTAModel']
