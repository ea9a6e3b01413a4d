"""Old module of `mmirstd.models.backbones.irstd_backbone`."""

from mmirstd.renamed import find_old_names

__getattr__ = find_old_names(
    __name__, {'IRSTDBody': 'mmirstd.models.backbones.irstd_backbone.IRSTDBackbone'}
)
