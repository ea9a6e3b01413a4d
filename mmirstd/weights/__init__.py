"""Trained weights that load by name."""

from mmirstd.weights.registry import (
    ModelInfo,
    Score,
    find_files,
    find_model,
    find_weights,
    get_model_info,
    list_models,
)

__all__ = [
    'ModelInfo',
    'Score',
    'find_files',
    'find_model',
    'find_weights',
    'get_model_info',
    'list_models',
]
