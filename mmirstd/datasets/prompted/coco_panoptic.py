"""COCO-2017 panoptic as it is distributed, with one click per segment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mmirstd.datasets.prompted.mask_sources import choose
from mmirstd.datasets.prompted.one_click import ClickDataset
from mmirstd.io.images.reading import read_image
from mmirstd.registry import DATASETS


def segment_ids(image: np.ndarray) -> np.ndarray:
    """Ids (H, W) of a panoptic PNG in BGR order (H, W, 3): R + 256 G + 65536 B."""
    blue, green, red = (image[..., channel].astype(np.int64) for channel in range(3))
    return red + 256 * green + 65536 * blue


@DATASETS.register_module()
class COCOPanopticClicks(ClickDataset):
    """Things and stuff of COCO panoptic, one click on each; crowds are dropped, classes ignored.

    Args:
        data_root: Folder with ``annotations`` (from panoptic_annotations_trainval2017.zip, the
            PNG archive inside of it unpacked too) and ``val2017`` (from val2017.zip).
        ann_file: JSON below it.
        seg_dir: Folder of the PNGs below it.
        image_dir: Folder of the images below it.
        indices: Use the first n images for a number n, or those with these indices.
        **options: See :class:`mmirstd.datasets.prompted.one_click.ClickDataset`.

    Raises:
        FileNotFoundError: A file or folder is missing; the message says where it comes from.
        ValueError: The JSON is not a panoptic one, or a PNG does not match its image or entry.
    """

    def __init__(
        self,
        data_root: str,
        *,
        ann_file: str = 'annotations/panoptic_val2017.json',
        seg_dir: str = 'annotations/panoptic_val2017',
        image_dir: str = 'val2017',
        indices: int | Sequence[int] | None = None,
        **options: object,
    ) -> None:
        super().__init__(**options)
        root = Path(data_root)
        self.seg_dir, self.image_dir = root / seg_dir, root / image_dir
        for path in (root / ann_file, self.seg_dir, self.image_dir):
            if not path.exists():
                raise FileNotFoundError(
                    f'{path} does not exist. COCO (https://cocodataset.org/#download) distributes '
                    'it in panoptic_annotations_trainval2017.zip, which contains another archive '
                    'with the PNGs, and val2017.zip; set data_root to the folder of both.'
                )
        try:
            annotations = json.loads((root / ann_file).read_text())['annotations']
            complete = bool(annotations) and all(
                isinstance(each['segments_info'], list) and isinstance(each['file_name'], str)
                for each in annotations
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            complete = False
        if not complete:
            raise ValueError(
                f"{root / ann_file} has no 'segments_info': it is not COCO's panoptic format"
            )
        self.annotations: list[dict] = choose(annotations, indices)

    def __len__(self) -> int:
        return len(self.annotations)

    def read(self, index: int) -> tuple[np.ndarray, Iterable[np.ndarray]]:
        """One image and the masks of its segments, crowds left out."""
        annotation = self.annotations[index]
        png = self.seg_dir / annotation['file_name']
        image = read_image(self.image_dir / f'{png.stem}.jpg')
        colours = read_image(png)
        if colours.ndim != 3 or colours.shape[:2] != image.shape[:2]:
            raise ValueError(
                f'{png}: a colour image of {image.shape[:2]} (height, width) is expected, found '
                f'{colours.shape}'
            )
        ids = segment_ids(colours)
        wanted = [s['id'] for s in annotation['segments_info'] if not s.get('iscrowd')]
        absent = np.setdiff1d(wanted, ids)
        if len(absent):
            raise ValueError(f'{png} does not contain the segments {absent.tolist()} of its entry')
        return image, ((ids == each).astype(np.uint8) for each in wanted)
