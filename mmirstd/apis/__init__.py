"""Using trained networks: detection in images, folders, large frames and videos.

`IRSTDInferencer`, `SAMPredictor` and `SemanticSAMPredictor` need PyTorch and MMSegmentation and
are imported when they are asked for; the other modules of this package need neither.
"""

from typing import Any

from mmirstd.stack import installed_family

__all__ = ['IRSTDInferencer', 'SAMPredictor', 'SemanticSAMPredictor']


def __getattr__(name: str) -> Any:
    if name in __all__:
        installed_family()  # otherwise the first import that fails would speak of one package
    if name == 'IRSTDInferencer':
        from mmirstd.apis.inferencer import IRSTDInferencer

        return IRSTDInferencer
    if name == 'SAMPredictor':
        from mmirstd.apis.sam_predictor import SAMPredictor

        return SAMPredictor
    if name == 'SemanticSAMPredictor':
        from mmirstd.apis.semantic_sam_predictor import SemanticSAMPredictor

        return SemanticSAMPredictor
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
