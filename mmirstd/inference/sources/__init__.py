"""Sources of images: files, folders, arrays, videos, cameras and streams."""

from mmirstd.inference.sources.stills import (
    Input,
    Source,
    find_sources,
    is_one_input,
    lazy_sources,
    sources_of_files,
)
from mmirstd.inference.sources.videos import LiveSources, video_frames, video_rate

__all__ = [
    'Input',
    'LiveSources',
    'Source',
    'find_sources',
    'is_one_input',
    'lazy_sources',
    'sources_of_files',
    'video_frames',
    'video_rate',
]
