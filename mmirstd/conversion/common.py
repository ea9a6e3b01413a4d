"""Read checkpoints of other programs and map their keys strictly.

Every key of the source must be mapped or listed with the reason why it is not needed, every
key of the target must be filled, and all shapes must agree. Otherwise a `ConversionError` lists all
problems.
"""

from __future__ import annotations

import operator
import pickle
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mmirstd.checkpoints import load_checkpoint
from mmirstd.wording import list_some

StateDict = dict[str, Tensor]

CONTAINER_KEYS = ('state_dict', 'net', 'model')
"""Keys under which training scripts store the state dict in a checkpoint."""

WRAPPER_PREFIXES = ('module.', 'model.')
"""Prefixes of DataParallel and of BasicIRSTD's and SCTransNet's training wrappers."""

_SHOWN = 5


class ConversionError(ValueError):
    """A checkpoint does not match the model; the message names the first keys that differ."""


@dataclass(frozen=True)
class Rule:
    r"""Rename keys that match ``pattern`` entirely.

    Attributes:
        pattern: Regular expression over the whole source key.
        target: Replacement in the syntax of `re.Match.expand`, or a function of the match. In the
            replacement ``<\1-1>`` becomes the number in group 1 minus 1. Terms may have several
            of the operators + - // %, which are applied from left to right.
    """

    pattern: str
    target: str | Callable[[re.Match[str]], str]

    def rename(self, key: str) -> str | None:
        """The target key of ``key``, or None if the rule does not match it."""
        match = re.fullmatch(self.pattern, key)
        if match is None:
            return None
        if not isinstance(self.target, str):
            return self.target(match)
        return _TERM.sub(_calculate, match.expand(self.target))


_TERM = re.compile(r'<(\d+(?:(?:\+|-|//|%)\d+)+)>')
_OPERATORS = {'+': operator.add, '-': operator.sub, '//': operator.floordiv, '%': operator.mod}


def _calculate(term: re.Match[str]) -> str:
    first, *steps = re.findall(r'\d+|\D+', term[1])
    value = int(first)
    for name, number in zip(steps[::2], steps[1::2], strict=True):
        value = _OPERATORS[name](value, int(number))
    return str(value)


@dataclass(frozen=True)
class Unused:
    """Source keys that the model never uses.

    Attributes:
        pattern: Regular expression over the whole source key.
        reason: Why nothing is lost.
    """

    pattern: str
    reason: str


@dataclass(frozen=True)
class Family:
    """How the checkpoints of one model are converted.

    Attributes:
        name: Name on the command line.
        config: Config of the target model, relative to the folder of configs.
        config_of: Returns the config for a state dict if the family has several sizes that can be
            distinguished. Its result None means ``config``.
        rules: The first rule that matches a key renames it.
        prepare: Changes values before the rules rename the keys, for example by splitting a tensor.
        unused: Keys to leave out, with reasons.
        computed: Regular expression of target buffers that our model computes itself.
        first_convolutions: Target keys of the weights that read the image (N, in_channels, ...).
        image_statistics: Target keys of per-image-channel vectors, such as an input BN.
        part: Fill only this part of the model, named by its attribute path; empty for all of it.
        note: Note for the user, shown after a conversion.
    """

    name: str
    config: str
    rules: Sequence[Rule]
    prepare: Callable[[StateDict], StateDict] | None = None
    unused: Sequence[Unused] = ()
    computed: str = ''
    config_of: Callable[[StateDict], str | None] | None = None
    first_convolutions: Sequence[str] = ()
    image_statistics: Sequence[str] = ()
    part: str = ''
    note: str = ''


def read_checkpoint(path: str | Path, *, allow_pickle: bool = False) -> StateDict:
    """The state dict inside a checkpoint file, without wrapper prefixes.

    Args:
        path: File written by `torch.save`.
        allow_pickle: Also load files that need arbitrary classes, such as whole pickled modules.
            Such a file can run any code while it is read: use it only for files you trust.

    Raises:
        FileNotFoundError: The file does not exist.
        ConversionError: The file is damaged, is not a PyTorch file, needs ``allow_pickle`` or
            contains no state dict.
    """
    if not allow_pickle:
        try:
            return find_state_dict(load_checkpoint(path), source=str(path))
        except ConversionError:
            raise
        except ValueError as error:
            hint = (
                ' ISNet and the PyTorch port of ACM publish whole pickled models; the converter '
                'reads such a file with --allow-pickle, if you trust it and the original classes '
                'can be imported.'
                if 'run code' in str(error)
                else ''
            )
            raise ConversionError(f'{error}{hint}') from error
    if not Path(path).is_file():
        raise FileNotFoundError(f'no checkpoint at {path}')
    try:
        content = torch.load(path, map_location='cpu', weights_only=False)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ConversionError(
            f'{path} is a pickled model whose classes cannot be imported: {error}. Run the '
            'converter with the original code on PYTHONPATH, or save its state dict there with '
            'torch.save(model.state_dict(), ...).'
        ) from error
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConversionError(
            f'{path} cannot be read as a PyTorch checkpoint: truncated, or another format '
            f'({reason})'
        ) from error
    return find_state_dict(content, source=str(path))


def find_state_dict(content: object, *, source: str = 'checkpoint') -> StateDict:
    """Descend into the usual containers and strip wrapper prefixes.

    Args:
        content: The result of `torch.load`: a state dict, a dict that contains one, or a module.
        source: Name for messages.

    Raises:
        ConversionError: No state dict was found.
    """
    if isinstance(content, nn.Module):
        content = content.state_dict()
    for key in CONTAINER_KEYS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping | nn.Module):
            return find_state_dict(content[key], source=source)
    if not isinstance(content, Mapping) or not content:
        raise ConversionError(
            f'{source} contains {type(content).__name__}, not a state dict; known containers are '
            f'{", ".join(CONTAINER_KEYS)}.'
        )
    foreign = [key for key, value in content.items() if not isinstance(value, Tensor)]
    if foreign:
        raise ConversionError(
            f'{source} is not a state dict: {list_some(foreign, _SHOWN)} contain no tensors. Known '
            f'containers are {", ".join(CONTAINER_KEYS)}.'
        )
    state = dict(content)
    while prefix := next((p for p in WRAPPER_PREFIXES if all(k.startswith(p) for k in state)), ''):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def convert(
    source: Mapping[str, Tensor],
    family: Family,
    target: Mapping[str, Tensor],
    *,
    adapt_in_channels: bool = False,
) -> StateDict:
    """Rename the keys of ``source`` to those of ``target``, strictly.

    Args:
        source: State dict of the original model.
        family: The rules.
        target: State dict of our model, for its names and shapes.
        adapt_in_channels: Convert weights between 1 and 3 image channels: 3 -> 1
            sums the kernels, 1 -> 3 spreads a kernel evenly, so that a gray image gives the same
            response before and after. Statistics of an input BN are averaged or repeated.

    Returns:
        A state dict with exactly the keys, shapes and dtypes of ``target``.

    Raises:
        ConversionError: Keys are left over or missing, or shapes differ.
    """
    converted: StateDict = {}
    unknown: list[str] = []
    clashes: list[str] = []
    shapes: list[str] = []
    prepared = family.prepare(dict(source)) if family.prepare else source
    for key, value in prepared.items():
        names = (rule.rename(key) for rule in family.rules)
        name = next((name for name in names if name is not None), None)
        if name is None or name not in target:
            if not any(re.fullmatch(unused.pattern, key) for unused in family.unused):
                unknown.append(key if name is None else f'{key} (would be {name})')
            continue
        if name in converted:
            clashes.append(f'{key} -> {name}')
            continue
        if adapt_in_channels:
            value = _with_in_channels(name, value, target[name].shape, family)
        if value.shape != target[name].shape:
            shapes.append(f'{key} {tuple(value.shape)}, expected {tuple(target[name].shape)}')
        converted[name] = value.to(target[name].dtype)
    # Files written before PyTorch 0.4 lack the counters, which evaluation does not use.
    kept = re.compile(rf'.*num_batches_tracked|{family.computed}')
    converted |= {
        name: target[name] for name in target if name not in converted and kept.fullmatch(name)
    }
    missing = [name for name in target if name not in converted]
    problems = [
        f'{len(items)} {what}: {list_some(items, _SHOWN)}'
        for what, items in (
            ('keys of the file are not known', unknown),
            ('keys of the file are mapped to the same target', clashes),
            ('keys of the model are not filled', missing),
            ('tensors have another shape', shapes),
        )
        if items
    ]
    if problems:
        hint = ''
        if shapes and not adapt_in_channels and not unknown and not missing:
            hint = (
                '\nIf only the number of image channels differs, choose a config with the '
                "file's in_channels, or convert the first layer with --adapt-in-channels."
            )
        raise ConversionError(
            f'this is not a checkpoint of {family.name} as {family.config} builds it:\n  '
            + '\n  '.join(problems)
            + hint
        )
    return {name: converted[name] for name in target}


def _with_in_channels(name: str, value: Tensor, shape: torch.Size, family: Family) -> Tensor:
    if name in family.first_convolutions and value.dim() == len(shape) == 4:
        change = (value.shape[1], shape[1])
        if change == (3, 1):
            return value.sum(dim=1, keepdim=True)
        if change == (1, 3):
            return value.expand(-1, 3, -1, -1) / 3
    if name in family.image_statistics and value.dim() == len(shape) == 1:
        change = (value.shape[0], shape[0])
        if change == (3, 1):
            return value.mean(dim=0, keepdim=True)
        if change == (1, 3):
            return value.expand(3).clone()
    return value
