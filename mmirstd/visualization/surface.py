"""Intensity as a landscape: the 3-D view in which small targets stand out as peaks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from .figures import new_figure


def intensity_surface(
    maps: np.ndarray | Mapping[str, np.ndarray],
    *,
    box: tuple[int, int, int, int] | None = None,
    finest: int = 128,
) -> Figure:
    """Draw the gray values of an image, or of several maps side by side, as 3-D surfaces.

    Reduction to ``finest`` points keeps the largest value of each cell, so that a target of one
    pixel does not disappear.

    Args:
        maps: Image or probability map (H, W), or title -> (H, W).
        box: Part to show, (left, top, right, bottom) in pixels, the last two exclusive.
        finest: Most points along either axis.

    Returns:
        A figure; :func:`mmirstd.visualization.figures.save_figure` writes it.

    Raises:
        ValueError: No map, a map that is not (H, W) or holds no pixel of ``box``.
    """
    named = {'': maps} if isinstance(maps, np.ndarray) else dict(maps)
    if not named:
        raise ValueError('maps is empty: give an image (H, W) or title -> (H, W)')
    figure = new_figure(4.5 * len(named), 4.0)
    for place, (title, values) in enumerate(named.items(), start=1):
        if values.ndim != 2:
            raise ValueError(f'map {title!r} has the shape {values.shape}, expected (H, W)')
        left, top, right, bottom = box or (0, 0, values.shape[1], values.shape[0])
        part = values[top:bottom, left:right].astype(float)
        if part.size == 0:
            raise ValueError(f'box={box} holds no pixel of map {title!r} of shape {values.shape}')
        rows, columns, heights = _reduce(part, finest)
        axes = figure.add_subplot(1, len(named), place, projection='3d')
        x, y = np.meshgrid(columns + left, rows + top)
        if min(heights.shape) > 1:
            axes.plot_surface(x, y, heights, cmap='viridis', rcount=finest, ccount=finest)
        else:  # a surface needs two points along each axis
            axes.plot(x.ravel(), y.ravel(), heights.ravel())
        axes.set_title(title)
        axes.set_xlabel('x [px]')
        axes.set_ylabel('y [px]')
        axes.invert_yaxis()  # rows run downwards, as in the image
        axes.view_init(elev=35, azim=-60)
    return figure


def _reduce(values: np.ndarray, finest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and heights of at most ``finest`` points per axis, maximum of each cell."""
    height, width = values.shape
    step = -(-max(height, width) // finest)
    padding = ((0, -height % step), (0, -width % step))
    cells = np.pad(values, padding, mode='edge')
    cells = cells.reshape(cells.shape[0] // step, step, -1, step).max(axis=(1, 3))
    middle = (step - 1) / 2
    rows = np.minimum(np.arange(cells.shape[0]) * step + middle, height - 1)
    columns = np.minimum(np.arange(cells.shape[1]) * step + middle, width - 1)
    return rows, columns, cells
