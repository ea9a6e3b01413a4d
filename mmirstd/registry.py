"""Registries of the scope ``mmirstd``, which define where components are found.

MMEngine imports this module when a config writes ``type='mmirstd.X'`` and then imports the
``locations`` of the node that X is looked up in, so configs need no ``custom_imports``.
"""

from mmirstd.stack import installed_family

installed_family()  # before MMEngine, which may be the missing part

from mmengine import registry as root  # noqa: E402

from mmirstd.checkpoints import allow_training_state, use_safe_loaders  # noqa: E402

allow_training_state()
use_safe_loaders()


def _node(parent: root.Registry, *locations: str) -> root.Registry:
    """A child of MMEngine's root registry ``parent`` in the scope ``mmirstd``."""
    return root.Registry(
        parent.name,
        parent=parent,
        scope='mmirstd',
        locations=[f'mmirstd.{location}' for location in locations],
    )


MODELS = _node(root.MODELS, 'models', 'distillation')
DATASETS = _node(
    root.DATASETS,
    'datasets.irstd',
    'datasets.prompted.sa1b',
    'datasets.prompted.one_click',
    'datasets.prompted.coco_panoptic',
)
DATA_SAMPLERS = _node(root.DATA_SAMPLERS, 'datasets.prompted.sampler')
TRANSFORMS = _node(root.TRANSFORMS, 'datasets.transforms')
METRICS = _node(root.METRICS, 'evaluation.irstd_metric', 'evaluation.one_click')
LOOPS = _node(root.LOOPS, 'distillation')
RUNNERS = _node(root.RUNNERS, 'engine')
HOOKS = _node(root.HOOKS, 'engine', 'visualization.hook')
WEIGHT_INITIALIZERS = _node(root.WEIGHT_INITIALIZERS, 'models.initialisers')
OPTIM_WRAPPERS = _node(root.OPTIM_WRAPPERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _node(root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
VISUALIZERS = _node(root.VISUALIZERS, 'visualization.visualizer')
