"""Using trained networks: detection in images, folders, large frames and videos.

`IRSTDInferencer` needs PyTorch and MMSegmentation and is imported when it is asked for; the
other modules of this package need neither.
"""

from typing import Any

__all__ = ['IRSTDInferencer']


def __getattr__(name: str) -> Any:
    if name == 'IRSTDInferencer':
        from mmirstd.apis.inferencer import IRSTDInferencer

        return IRSTDInferencer
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
