"""Convert a checkpoint file to one that ``mim test`` and our inference load."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor

from mmirstd.conversion.common import ConversionError, Family, convert, read_checkpoint
from mmirstd.datasets.irstd import IRSTDDataset
from mmirstd.inference.configs import load_config, without_pretrained
from mmirstd.io.hashing import sha256
from mmirstd.io.outputs.atomic import atomic_buffer
from mmirstd.io.outputs.guard import check_output
from mmirstd.version import __version__


@dataclass(frozen=True)
class Report:
    """Result of a conversion.

    Attributes:
        config: Config of the model that the result fits.
        converted: Number of tensors written.
        unused: Reason -> keys of the source that were left out.
        note: Note for the user about this family.
        sha256: Checksum of the source file.
    """

    config: str
    converted: int
    unused: Mapping[str, list[str]]
    note: str
    sha256: str


def target_of(family: Family, config: Config) -> dict[str, Tensor]:
    """State dict of the model in ``config``, or of the part of it that ``family`` fills.

    Raises:
        ConversionError: The model has no such part.
    """
    init_default_scope(config.get('default_scope', 'mmseg'))
    without_pretrained(config.model)
    state = MODELS.build(config.model).state_dict()
    if not family.part:
        return state
    prefix = f'{family.part}.'
    part = {
        name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)
    }
    if not part:
        raise ConversionError(
            f'{config.filename} has no part {family.part} to fill with weights of {family.name}'
        )
    return part


def unused_keys(source: Mapping[str, Tensor], family: Family) -> dict[str, list[str]]:
    """Reason -> keys of ``source`` that ``family`` knowingly leaves out."""
    found: dict[str, list[str]] = {}
    for key in source:
        reasons = (each.reason for each in family.unused if re.fullmatch(each.pattern, key))
        if reason := next(reasons, ''):
            found.setdefault(reason, []).append(key)
    return found


def convert_file(
    family: Family,
    source: str | Path,
    destination: str | Path,
    *,
    config: str | Path | None = None,
    overrides: Mapping[str, object] | None = None,
    adapt_in_channels: bool = False,
    allow_pickle: bool = False,
) -> Report:
    """Read ``source``, convert it for the model of ``config`` and write ``destination``.

    Args:
        family: Family of the model that wrote the file.
        source: Published checkpoint.
        destination: File to write; its folder must exist.
        config: Config of the target model, a path or the name of a config. None for that of the
            family; if the family has several sizes, the one that fits the file.
        overrides: Dotted config keys to change first, as with ``--cfg-options``.
        adapt_in_channels: See `convert`.
        allow_pickle: See `read_checkpoint`.

    Raises:
        FileNotFoundError: The source, the config or the destination folder does not exist.
        ConversionError: The file does not match the model; nothing is written.
        OutputError: ``destination`` is the source, a link or a folder.
    """
    destination = check_output(destination, inputs=[source])
    if not destination.parent.is_dir():
        raise FileNotFoundError(f'the folder of {destination} does not exist; create it first')
    state = read_checkpoint(source, allow_pickle=allow_pickle)
    if config is None:
        if family.config_of:
            family = replace(family, config=family.config_of(state) or family.config)
        config = Path(family.config).stem
    cfg = load_config(config)
    cfg.merge_from_dict(dict(overrides or {}))
    converted = convert(state, family, target_of(family, cfg), adapt_in_channels=adapt_in_channels)
    report = Report(
        config=str(cfg.filename),
        converted=len(converted),
        unused=unused_keys(state, family),
        note=family.note,
        sha256=sha256(source),
    )
    meta = {
        'mmirstd_version': __version__,
        'dataset_meta': dict(IRSTDDataset.METAINFO),
        'converted_from': {
            'family': family.name,
            'file': Path(source).name,
            'sha256': report.sha256,
            'config': Path(report.config).name,
        },
    }
    with atomic_buffer(destination) as buffer:
        torch.save({'meta': meta, 'state_dict': converted}, buffer)
    return report
