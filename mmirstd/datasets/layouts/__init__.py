"""Where the images and masks of a distribution are, and which mask belongs to which image."""

from mmirstd.datasets.layouts.declared import (
    LAYOUTS,
    SPLIT_FOLDERS,
    Layout,
    Section,
    custom_layout,
    get_layout,
)

__all__ = ['LAYOUTS', 'SPLIT_FOLDERS', 'Layout', 'Section', 'custom_layout', 'get_layout']
