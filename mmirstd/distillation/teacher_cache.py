"""Outputs of the teacher on disk, so that later epochs need no teacher.

Shapes: N prompts, G masks per prompt, h x w mask size.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmirstd.io.outputs.atomic import write_atomically

_DESCRIPTION = 'cache.json'
_LATER = 'at the first answer'
"""Key of properties that are known only when the first output is requested."""


class Answers(NamedTuple):
    """The teacher's outputs for one image.

    Attributes:
        masks: Logits (N, G, h, w); +-1 from a cache of bits.
        ious: Predicted quality (N, G).
        boxes: (N, G, 4).
    """

    masks: Tensor
    ious: Tensor
    boxes: Tensor


class TeacherCache:
    """One file per image and distinct epoch.

    Args:
        folder: Folder of the files; created if it is missing.
        description: Description of teacher, images and prompts, as plain values. A folder that was
            filled with another description is refused.
        precision: ``'float16'`` stores logits. ``'bits'`` stores only thresholded masks, which are
            16 times smaller before compression and sufficient only for BCE and Dice with hard
            targets.

    Raises:
        ValueError: The folder belongs to another description, or ``precision`` is unknown.
    """

    def __init__(
        self,
        folder: str | Path,
        description: dict,
        precision: Literal['float16', 'bits'] = 'float16',
    ) -> None:
        if precision not in ('float16', 'bits'):
            raise ValueError(f"precision={precision!r} must be 'float16' or 'bits'")
        self.folder, self.precision = Path(folder), precision
        # Converted by JSON, so that tuples are compared as lists.
        wanted = json.loads(json.dumps({**description, 'precision': precision}))
        self._agreed: dict[str, str] = {}
        present = self._description()
        if present is None:
            write_atomically(self.folder / _DESCRIPTION, json.dumps(wanted, indent=1))
        else:
            present.pop(_LATER, None)
            self._compare(present, wanted)

    def agree(self, name: str, value: str) -> None:
        """Record a property of the outputs that is known only when the first one is requested.

        Raises:
            ValueError: The outputs in the folder were made with another value.
        """
        if self._agreed.get(name) == value:
            return
        present = self._description() or {}
        later = present.setdefault(_LATER, {})
        if name in later:
            self._compare({name: later[name]}, {name: value})
        else:
            later[name] = value
            write_atomically(self.folder / _DESCRIPTION, json.dumps(present, indent=1))
        self._agreed[name] = value

    def _description(self) -> dict | None:
        """The description in the folder; None for a new folder."""
        file = self.folder / _DESCRIPTION
        try:
            return json.loads(file.read_text(encoding='utf-8'))
        except FileNotFoundError:
            return None
        except ValueError as error:  # not text, or not JSON
            raise ValueError(
                f'{file} is damaged ({error}), so it is unknown what the teacher outputs in this '
                'folder belong to: delete the folder'
            ) from error

    def _compare(self, present: dict, wanted: dict) -> None:
        changes = ', '.join(
            f'{key}: {present.get(key)} there, {wanted.get(key)} now'
            for key in sorted({**present, **wanted})
            if present.get(key) != wanted.get(key)
        )
        if changes:
            raise ValueError(
                f'{self.folder} contains teacher outputs for another setup ({changes}): '
                'choose another cache folder or delete this one'
            )

    def path(self, key: int) -> Path:
        """File of the sample with this ``key``, in folders of a thousand files each."""
        return self.folder / f'{key // 1000:06d}' / f'{key:09d}.npz'

    def has(self, key: int) -> bool:
        """Whether the outputs for an image are stored."""
        return self.path(key).is_file()

    def write(self, key: int, answers: Answers) -> int:
        """Store the outputs for an image and return the size of the file in bytes.

        Raises:
            OSError: The file cannot be written; on a full disk the message says so.
        """
        masks = answers.masks.detach()
        if self.precision == 'bits':
            stored = np.packbits((masks > 0).cpu().numpy(), axis=-1)
        else:
            limit = torch.finfo(torch.float16).max
            stored = masks.clamp(-limit, limit).half().cpu().numpy()
        arrays = {
            'masks': stored,
            'width': np.int32(masks.shape[-1]),
            'ious': answers.ious.detach().float().cpu().numpy(),
            'boxes': answers.boxes.detach().float().cpu().numpy(),
        }
        buffer = io.BytesIO()
        # Mantissas are nearly random and hardly compress, but runs of bits do.
        (np.savez_compressed if self.precision == 'bits' else np.savez)(buffer, **arrays)
        content = buffer.getvalue()
        write_atomically(self.path(key), content, sync=False)
        return len(content)

    def read(self, key: int) -> Answers:
        """The outputs for an image, float32.

        Raises:
            OSError: The file is missing or damaged; the message names it.
        """
        path = self.path(key)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                stored, width = arrays['masks'], int(arrays['width'])
                ious, boxes = arrays['ious'], arrays['boxes']
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise OSError(f'{path} is missing or damaged: {error}. Delete it') from error
        if self.precision == 'bits':
            stored = np.unpackbits(stored, axis=-1, count=width).astype(np.float32) * 2 - 1
        return Answers(*(torch.from_numpy(each).float() for each in (stored, ious, boxes)))
