"""Time the counting of mmirstd against a scikit-image loop like that of the DNANet family.

Both run in one process on the same masks and take turns every few images, so that a busy machine
slows both equally. All counts must agree; otherwise the script fails.

    python -m benchmarks.metric_speed               # 664 procedural 256 x 256 pairs
    python -m benchmarks.metric_speed --masks DIR   # real masks; predictions derived from them
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import measure

from mmirstd.evaluation.counts import count_image
from mmirstd.wording import format_count

Counts = tuple[int, int, int, int, int, int]

BLOCK = 16
"""Images per turn: few to average out disturbances, enough to keep the caches warm."""


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 if the counts agree and the ratio reaches ``--at-least``."""
    args = parse_args(argv)
    cv2.setNumThreads(1)
    pairs = list(
        read_pairs(args.masks, args.seed)
        if args.masks
        else procedural_pairs(args.images, args.size, args.seed)
    )
    if not pairs:
        print(f'no masks in {args.masks}', file=sys.stderr)
        return 2
    ours, published = time_both(pairs, args.repeats, args.dtype)
    targets = sum(measure.label(gt_mask, connectivity=2).max() for _, gt_mask in pairs)
    print(
        f'{format_count(len(pairs), "image")}, {format_count(targets, "target")}, '
        f'{format_count(args.repeats, "repeat")}, one thread, {args.dtype}'
    )
    print('CPU seconds per pass over the set:')
    for name, seconds in (('mmirstd', ours), ('scikit-image loop', published)):
        passes = ' '.join(f'{value:.3f}' for value in seconds)
        print(f'  {name:18s} median {statistics.median(seconds):.3f}  ({passes})')
    ratio = statistics.median(published) / statistics.median(ours)
    print(f'ratio of the medians: {ratio:.1f}; the counts of all images are equal')
    if ratio < args.at_least:
        print(f'expected a ratio of at least {args.at_least}', file=sys.stderr)
        return 1
    return 0


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--images', type=int, default=664, help='procedural pairs (664)')
    parser.add_argument('--size', type=int, default=256, help='their height and width (256)')
    parser.add_argument('--masks', type=Path, help='folder of real mask PNGs instead')
    parser.add_argument('--repeats', type=int, default=5, help='passes over the set (5)')
    parser.add_argument(
        '--dtype',
        choices=('int64', 'bool'),
        default='int64',
        help='what the loop hands to scikit-image: int64 (as published) or bool, which is faster',
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--at-least', type=float, default=10.0, help='fail below this ratio (10)')
    return parser.parse_args(argv)


def our_counts(prediction: NDArray[np.bool_], gt_mask: NDArray[np.bool_]) -> Counts:
    """TP, FP, FN, targets, hits and false pixels by mmirstd."""
    counts = count_image(prediction, gt_mask, matchings=('legacy',))
    match = counts.matches['legacy']
    return (
        counts.tp,
        counts.fp,
        counts.fn,
        len(counts.target_areas),
        sum(match.hits),
        match.false_pixels,
    )


def published_counts(
    prediction: NDArray[np.bool_],
    gt_mask: NDArray[np.bool_],
    *,
    by_area: bool = True,
    dtype: str = 'int64',
) -> Counts:
    """The same numbers by a literal loop, written from the description of the published ones.

    Args:
        prediction: (H, W) predicted mask.
        gt_mask: (H, W) ground truth.
        by_area: Recognise false components by their area (the DNANet family) instead of by
            whether they were matched (BasicIRSTD).
        dtype: Type of the arrays that are labelled; the published programs use int64.
    """
    tp = int((prediction & gt_mask).sum())
    fp = int((prediction & ~gt_mask).sum())
    fn = int((~prediction & gt_mask).sum())
    targets = measure.regionprops(measure.label(gt_mask.astype(dtype), connectivity=2))
    remaining = measure.regionprops(measure.label(prediction.astype(dtype), connectivity=2))
    areas = [int(region.area) for region in remaining]
    matched_areas = []
    for target in targets:
        for index, candidate in enumerate(remaining):
            offset = np.array(candidate.centroid) - np.array(target.centroid)
            if np.linalg.norm(offset) < 3:
                matched_areas.append(int(candidate.area))
                del remaining[index]
                break
    if by_area:
        false_pixels = sum(area for area in areas if area not in matched_areas)
    else:
        false_pixels = sum(int(region.area) for region in remaining)
    return tp, fp, fn, len(targets), len(matched_areas), false_pixels


def time_both(
    pairs: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]], repeats: int, dtype: str = 'int64'
) -> tuple[list[float], list[float]]:
    """Seconds of each pass over ``pairs`` by our counting and by the published loop.

    Raises:
        RuntimeError: The two disagree on an image.
    """
    functions = (our_counts, partial(published_counts, dtype=dtype))
    seconds = {function: [] for function in functions}
    for repeat in range(repeats):
        took = dict.fromkeys(seconds, 0.0)
        for turn, start in enumerate(range(0, len(pairs), BLOCK), repeat):
            block = pairs[start : start + BLOCK]
            found = {}
            for function in functions[:: 1 if turn % 2 else -1]:
                # Copies are in the cache, as masks are directly after a prediction.
                duration, found[function] = _timed(
                    function, [(p.copy(), t.copy()) for p, t in block]
                )
                took[function] += duration
            for number, (a, b) in enumerate(zip(*found.values(), strict=True), start):
                if a != b:
                    raise RuntimeError(f'image {number}: the two count {a} and {b}')
        for function, duration in took.items():
            seconds[function].append(duration)
    return seconds[functions[0]], seconds[functions[1]]


def _timed(
    function: Callable[..., Counts], pairs: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]
) -> tuple[float, list[Counts]]:
    start = time.process_time()
    results = [function(prediction, gt_mask) for prediction, gt_mask in pairs]
    return time.process_time() - start, results


def procedural_pairs(
    images: int, size: int, seed: int
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Prediction and ground truth with 0 to 4 elliptic targets of 1 to about 100 px per image."""
    random = np.random.default_rng(seed)
    for _ in range(images):
        gt_mask = np.zeros((size, size), dtype=np.uint8)
        for _ in range(random.choice(5, p=[0.05, 0.6, 0.2, 0.1, 0.05])):
            centre = random.integers(6, size - 6, 2).tolist()
            axes = random.integers(0, 6, 2).tolist()
            cv2.ellipse(gt_mask, centre, axes, float(random.uniform(0, 180)), 0, 360, 1, -1)
        yield derive_prediction(gt_mask > 0, random), gt_mask > 0


def read_pairs(folder: Path, seed: int) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Real masks of ``folder`` with derived predictions."""
    random = np.random.default_rng(seed)
    for path in sorted(folder.glob('*.png')):
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise ValueError(f'{path}: not a readable image')
        yield derive_prediction(mask > 0, random), mask > 0


def derive_prediction(gt_mask: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.bool_]:
    """A plausible prediction: shifted, eroded or dilated, sometimes with a false component."""
    prediction = np.roll(gt_mask, tuple(random.integers(-2, 3, 2)), axis=(0, 1)).astype(np.uint8)
    change = random.integers(3)
    if change:
        kernel = np.ones((2, 2), dtype=np.uint8)
        prediction = (cv2.erode if change == 1 else cv2.dilate)(prediction, kernel)
    if random.random() < 0.2:
        row, column = random.integers(0, np.array(gt_mask.shape) - 3)
        prediction[row : row + 2, column : column + 3] = 1
    return prediction > 0


if __name__ == '__main__':
    sys.exit(main())
