"""Segmentors: wrappers of a model, for example for test-time augmentation."""

from mmirstd.models.segmentors.test_time_augmentation import IRSTDTTAModel

__all__ = ['IRSTDTTAModel']
