"""The registry of trained weights, with their training data and scores.

``registry.json`` in the folder of this module describes the published weights, one entry each. A
folder or a Hugging Face repository with a weights file, a config and the same description as
``model.json`` is a source of weights, too: see :func:`find_model`.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from mmirstd.weights.sources import HUB_PREFIX, fetch, hub_file

DESCRIPTION = 'model.json'
"""Name of the description in a folder or repository of one model."""


@dataclass(frozen=True)
class Score:
    """The result of a model on one split.

    Attributes:
        dataset: Title of the dataset.
        split: Name of the split, e.g. ``'nudt/dnanet_50_50_test'``.
        images: Number of images.
        targets: Number of targets.
        iou: Pooled IoU in percent.
        niou: Mean IoU of the images in percent.
        pd: Detected targets in percent.
        fa: False alarm pixels per million.
        matching: Convention of Pd and Fa.
        size: Resolution of the evaluation, e.g. ``'native'``.
    """

    dataset: str
    split: str
    images: int
    targets: int
    iou: float
    niou: float
    pd: float
    fa: float
    matching: str = 'legacy'
    size: str = 'native'


@dataclass(frozen=True)
class ModelInfo:
    """One set of trained weights.

    Attributes:
        name: Name of the weights.
        summary: One line with model and training data.
        config: Name of a config of this package, or a file in the folder of the description.
        file: Weights file in the folder of the description, or a URL (``https://``, ``hf://``).
        sha256: Checksum of the weights file.
        size: Its size in bytes.
        parameters: Number of parameters of the model.
        macs: Multiply-accumulates for an image of 256 x 256 pixels.
        tile_size: Side in pixels up to which frames were tested; use tiles for larger frames.
        aliases: Other names.
        trained_on: The training data.
        licence: Terms of use of the weights.
        scores: Results on splits that were not used for any choice.
        training: How the weights were made: command, seed, commit, hardware, hours, log.
        folder: Folder of the description.
    """

    name: str
    summary: str
    config: str
    file: str
    sha256: str
    size: int
    parameters: int
    macs: float
    tile_size: int
    trained_on: str
    licence: str
    aliases: tuple[str, ...] = ()
    scores: tuple[Score, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    folder: str | Path = ''

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], folder: str | Path, source: str) -> ModelInfo:
        """Read a description.

        Args:
            content: The description as parsed from JSON.
            folder: Folder or ``hf://owner/repository`` that relative files belong to.
            source: Name of the description in errors.

        Raises:
            ValueError: A field is missing or unknown.
        """
        known = {f.name for f in fields(cls)} - {'folder'}
        required = known - {'aliases', 'scores', 'training'}
        if missing := sorted(required - content.keys()):
            raise ValueError(f'{source}: the description of a model lacks {", ".join(missing)}')
        if unknown := sorted(content.keys() - known):
            raise ValueError(f'{source}: unknown fields {", ".join(unknown)}')
        values = dict(content)
        values['aliases'] = tuple(content.get('aliases', ()))
        try:
            values['scores'] = tuple(Score(**score) for score in content.get('scores', ()))
        except TypeError as error:
            raise ValueError(f'{source}: a score has wrong fields: {error}') from error
        return cls(**values, folder=folder)

    def weights_file(self) -> Path:
        """The weights as a local file, downloaded if necessary and verified.

        Raises:
            OSError: The file does not exist or cannot be downloaded.
            ValueError: The file is damaged: its checksum is not that of the description.
        """
        return fetch(self.file, self.folder, self.sha256)

    def config_file(self) -> str | Path:
        """Name of a config of this package, or path of the config in the description's folder."""
        if not self.config.endswith('.py'):
            return self.config
        if str(self.folder).startswith(HUB_PREFIX):
            return hub_file(f'{self.folder}/{self.config}')
        return Path(self.folder) / self.config


@lru_cache(maxsize=1)
def _published() -> dict[str, ModelInfo]:
    text = resources.files(__package__).joinpath('registry.json').read_text(encoding='utf-8')
    folder = Path(str(resources.files(__package__))) / 'files'
    entries = [ModelInfo.from_dict(e, folder, 'registry.json') for e in json.loads(text)['models']]
    return {entry.name: entry for entry in entries}


def list_models(pattern: str = '*') -> list[str]:
    """Names of the published weights that match a shell pattern, in the order of the registry.

    Example:
        >>> list_models('light_*')
        ['light_unet_sirst3']
    """
    return [name for name in _published() if fnmatch.fnmatchcase(name, pattern)]


def get_model_info(name: str) -> ModelInfo:
    """The entry of the registry called ``name`` or with that alias.

    Raises:
        KeyError: The entry does not exist; the message names those that do.
    """
    for entry in _published().values():
        if name == entry.name or name in entry.aliases:
            return entry
    raise KeyError(
        f'no weights are called {name!r}; there are {", ".join(_published())} '
        '(mmirstd.apis.list_models())'
    )


def find_model(source: str | Path) -> ModelInfo | None:
    """The trained weights that ``source`` names, or None if it does not name weights.

    Args:
        source: A name or alias of the registry, a folder that contains ``model.json``, or a
            Hugging Face repository as ``hf://owner/repository`` or
            ``hf://owner/repository@revision`` (extra ``hub``).

    Raises:
        ImportError: ``source`` is a repository and ``huggingface_hub`` is not installed.
        OSError: The repository cannot be reached and is not in its cache.
        ValueError: The description is damaged.
    """
    text = str(source)
    if text.startswith(HUB_PREFIX):
        return _described(hub_file(f'{text}/{DESCRIPTION}'), text)
    description = Path(text).expanduser() / DESCRIPTION
    if description.is_file():
        return _described(description, description.parent)
    for entry in _published().values():
        if text == entry.name or text in entry.aliases:
            return entry
    return None


def find_files(
    model: str | Path, weights: str | Path | None = None
) -> tuple[str | Path, str | Path | None]:
    """Config and weights file of a model, however it is named; what is not a name stays as it is.

    Args:
        model: Trained weights as :func:`find_model` takes them or, with ``weights``, a config.
        weights: A file, or trained weights as :func:`find_model` takes them.

    Returns:
        The config (a name of this package or a path) and the weights file, None where there is
        none: ``model`` is a config then.
    """
    if weights is None:
        info = find_model(model)
        return (model, None) if info is None else (info.config_file(), info.weights_file())
    return model, find_weights(weights) or weights


def find_weights(source: str | Path) -> Path | None:
    """The file of trained weights by name, folder or repository; None if it is none of these."""
    info = find_model(source)
    return None if info is None else info.weights_file()


def _described(file: Path, folder: str | Path) -> ModelInfo:
    try:
        content = json.loads(file.read_text(encoding='utf-8'))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f'{file} is not valid JSON: {error}') from error
    if not isinstance(content, dict):
        raise ValueError(f'{file} must describe one model as a JSON object')
    return ModelInfo.from_dict(content, folder, str(file))
