"""What the teacher said, kept on disk, so that later epochs need no teacher.

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

from mmirstd.io.atomic import write_atomically

_DESCRIPTION = 'cache.json'
_LATER = 'at the first answer'
"""Key of what is known only when the first answer is asked for."""


class Answers(NamedTuple):
    """The teacher's answers for one image.

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
        folder: Where the files lie; made if it is missing.
        description: Of teacher, images and prompts, as plain values; a folder that was filled
            under another one is refused.
        precision: ``'float16'`` keeps logits, ``'bits'`` only which pixels are inside: 16 times
            smaller before compression, and enough for BCE and Dice with hard targets alone.

    Raises:
        ValueError: The folder holds the answers to something else, or ``precision`` is unknown.
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
        # Through JSON, so that tuples compare as the lists that they become.
        wanted = json.loads(json.dumps({**description, 'precision': precision}))
        self._agreed: dict[str, str] = {}
        present = self._description()
        if present is None:
            write_atomically(self.folder / _DESCRIPTION, json.dumps(wanted, indent=1))
        else:
            present.pop(_LATER, None)
            self._compare(present, wanted)

    def agree(self, name: str, value: str) -> None:
        """Note a property of the answers that is known only when the first one is asked for.

        Raises:
            ValueError: The answers in the folder have another one.
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
        """What the folder says about its answers; None for a new folder."""
        file = self.folder / _DESCRIPTION
        try:
            return json.loads(file.read_text(encoding='utf-8'))
        except FileNotFoundError:
            return None
        except ValueError as error:  # not text, or not JSON
            raise ValueError(
                f'{file} is damaged ({error}), so it is unknown what the answers in this folder '
                'belong to: delete the folder'
            ) from error

    def _compare(self, present: dict, wanted: dict) -> None:
        differing = sorted(
            key for key in {**present, **wanted} if present.get(key) != wanted.get(key)
        )
        if differing:
            changes = ', '.join(
                f'{key}: {present.get(key)} there, {wanted.get(key)} now' for key in differing
            )
            raise ValueError(
                f'{self.folder} holds what a teacher said about something else ({changes}): '
                'choose another cache folder or delete this one'
            )

    def path(self, key: int) -> Path:
        """File of the sample with this ``key``; folders of a thousand."""
        return self.folder / f'{key // 1000:06d}' / f'{key:09d}.npz'

    def has(self, key: int) -> bool:
        """Whether the answers for an image are there."""
        return self.path(key).is_file()

    def write(self, key: int, answers: Answers) -> int:
        """Keep the answers for an image; returns the size of the file in bytes.

        Raises:
            OSError: It cannot be written; a full disk is named as such.
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
        # Random-looking mantissas hardly compress; runs of bits do.
        (np.savez_compressed if self.precision == 'bits' else np.savez)(buffer, **arrays)
        content = buffer.getvalue()
        write_atomically(self.path(key), content, sync=False)
        return len(content)

    def read(self, key: int) -> Answers:
        """The answers for an image, float32.

        Raises:
            OSError: The file is missing or damaged; the message names it.
        """
        path = self.path(key)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                stored, width = arrays['masks'], int(arrays['width'])
                ious, boxes = arrays['ious'], arrays['boxes']
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise OSError(f'{path} is missing or damaged, delete it: {error}') from error
        if self.precision == 'bits':
            stored = np.unpackbits(stored, axis=-1, count=width).astype(np.float32) * 2 - 1
        return Answers(*(torch.from_numpy(each).float() for each in (stored, ious, boxes)))
