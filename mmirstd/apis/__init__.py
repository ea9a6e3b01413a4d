"""The public Python API: detection in images and videos, prompting, trained weights by name.

The classes are imported when they are first used: `OnnxDetector` needs onnxruntime alone, the
others need PyTorch and MMSegmentation.
"""

from importlib import import_module
from typing import Any

from mmirstd.stack import installed_family
from mmirstd.weights import get_model_info, list_models

_MODULES = {
    'IRSTDInferencer': 'mmirstd.inference.torch_detector',
    'OnnxDetector': 'mmirstd.inference.onnx_detector',
    'SAMPredictor': 'mmirstd.inference.prompted.sam_predictor',
    'SemanticSAMPredictor': 'mmirstd.inference.prompted.semantic_sam_predictor',
}

__all__ = [
    'IRSTDInferencer',
    'OnnxDetector',
    'SAMPredictor',
    'SemanticSAMPredictor',
    'get_model_info',
    'list_models',
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    if name != 'OnnxDetector':
        installed_family()  # otherwise the first import that fails would speak of one package
        from mmirstd.inference.loading import import_mmseg

        import_mmseg()()
    return getattr(import_module(_MODULES[name]), name)
