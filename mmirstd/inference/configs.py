"""Find a config by path or name and prepare it for inference."""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.logging import MMLogger

from mmirstd.configs import config_folders, know_config_scope
from mmirstd.datasets.intensity import IntensityRange
from mmirstd.io.outputs.atomic import explain_write_error, is_out_of_space
from mmirstd.weights import find_model, get_model_info, list_models
from mmirstd.wording import describe_names

_LOADERS = ('LoadIRImage', 'LoadImageFromFile', 'LoadImageFromNDArray', 'InferencerLoader')
_ANNOTATIONS = ('LoadAnnotations', 'LoadMask', 'BinarizeMask')


def load_config(config: str | Path | Config) -> Config:
    """Load a config; ``simirstd_nudt`` finds the config of that name in this package.

    A config is a Python program: use only those whose source you trust.

    Raises:
        FileNotFoundError: There is no such file and no config of that name.
        OSError: The disk of temporary files is full; MMEngine copies configs there.
        ValueError: The file is not a usable config, or names more than one config.
    """
    if isinstance(config, Config):
        return copy.deepcopy(config)
    path = find_config(config)
    know_config_scope()
    try:
        with _quiet_logger():
            return Config.fromfile(path)
    except Exception as error:  # a config can raise anything
        if isinstance(error, OSError) and is_out_of_space(error):
            copy_of = Path(tempfile.gettempdir()) / path.name
            raise explain_write_error(OSError(error.errno, error.strerror), copy_of) from error
        reason = f'{type(error).__name__}: {error}'
        raise ValueError(f'{path} is not a usable config: {reason}') from error


@contextmanager
def _quiet_logger() -> Iterator[None]:
    """Without MMEngine's line on standard output about every environment variable that it reads."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def find_config(config: str | Path) -> Path:
    """The file of a config, given as a path, as its name in this package or by that of weights.

    Raises:
        FileNotFoundError: There is no such file and no config of that name.
        ValueError: The name stands for several files.
    """
    path = Path(config).expanduser()
    if path.is_file():
        return path
    name = path.name.removesuffix('.py')
    if path.name == str(config):
        for folder in config_folders():
            found = [p for p in folder.rglob(f'{name}.py') if '_base_' not in p.parts]
            if len(found) > 1:
                raise ValueError(
                    f'{name} is the name of several configs: {", ".join(map(str, found))}'
                )
            if found:
                return found[0]
    info = find_model(config)
    if info is not None and info.config_file() != config:
        return find_config(info.config_file())
    configs = sorted(
        {p.stem for folder in config_folders() for p in folder.rglob('*.py')
         if '_base_' not in p.parts}
    )  # fmt: skip
    folders = ' or '.join(map(str, config_folders()))
    known = describe_names(
        name,
        [*configs, *list_models(), *(a for m in list_models() for a in get_model_info(m).aliases)],
        f'`mmirstd models list` shows trained weights, {folders} holds the configs',
    )
    raise FileNotFoundError(
        f'{config} is neither a file nor the name of trained weights or of a config: {known}'
    )


def split_pipeline(
    config: Config, intensity_range: IntensityRange | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Split the test pipeline into the arguments of its image loader and the other steps.

    Args:
        config: With ``test_pipeline`` or ``test_dataloader.dataset.pipeline``.
        intensity_range: Replaces the loader's own range, see `mmirstd.LoadIRImage`.

    Returns:
        Arguments of `mmirstd.LoadIRImage` (a stock 8-bit loader becomes an equal one), and the
        remaining steps without those that load annotations.

    Raises:
        ValueError: There is no pipeline, or it does not begin with an image loader.
    """
    pipeline = config.get('test_pipeline')
    if pipeline is None:
        pipeline = config.get('test_dataloader', {}).get('dataset', {}).get('pipeline')
    if not pipeline:
        raise ValueError(f'{config.filename}: there is no test_pipeline to prepare images with')
    first, *steps = copy.deepcopy([dict(step) for step in pipeline])
    if _name(first) not in _LOADERS:
        raise ValueError(
            f'{config.filename}: test_pipeline begins with {first.get("type")}, expected an image '
            f'loader such as mmirstd.LoadIRImage'
        )
    ours = first.get('_scope_') == 'mmirstd' or str(first['type']).startswith('mmirstd.')
    if ours:
        loader = {k: v for k, v in first.items() if k not in ('type', '_scope_')}
    else:
        gray = str(first.get('color_type', 'color')).startswith('gray')
        loader = {'channels': 1 if gray else 3}
    if intensity_range is not None:
        loader['intensity_range'] = intensity_range
    return loader, [step for step in steps if _name(step) not in _ANNOTATIONS]


def image_channels(config: Config) -> int:
    """Channels of the images that ``test_pipeline`` loads.

    Raises:
        ValueError: As in `split_pipeline`.
    """
    return split_pipeline(config)[0].get('channels', 3)


def resize_to(config: Config, size: int) -> None:
    """Let ``test_pipeline`` resize to another square, in place; nothing if it does not resize."""
    for step in config.get('test_pipeline', ()):
        if _name(step) == 'ResizeToSquare':
            step['size'] = size


def without_pretrained(model: ConfigDict | dict | list) -> None:
    """Remove, in place, what would fetch weights that a checkpoint replaces anyway."""
    entries = model.items() if isinstance(model, dict) else enumerate(model)
    for key, value in list(entries):
        if key == 'pretrained':
            model[key] = False if isinstance(value, bool) else None
        elif (key == 'weights' and isinstance(value, str)) or (
            key == 'init_cfg' and isinstance(value, dict) and value.get('type') == 'Pretrained'
        ):
            model[key] = None
        elif isinstance(value, dict | list | tuple):
            without_pretrained(value)


def _name(step: dict[str, Any]) -> str:
    kind = step.get('type')
    return (kind if isinstance(kind, str) else getattr(kind, '__name__', '')).rpartition('.')[2]
