"""Heat maps of feature maps over the image, as in Fig. 4 of the paper.

The paper does not state how C channels become one value per position. We use the energy,
the root mean square over the channels, because it needs neither a class nor a gradient and channels
of opposite sign do not cancel.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np
from matplotlib.figure import Figure

from .canvas import to_gray8, to_rgb


def channel_energy(feature: np.ndarray) -> np.ndarray:
    """Root mean square over the channels, scaled to 0..1.

    Args:
        feature: Feature map (C, h, w).

    Returns:
        float64 (h, w) with minimum 0 and maximum 1; all 0 if the energy is the same
        everywhere.

    Raises:
        ValueError: The shape is wrong, or there are NaN or infinite values.
    """
    feature = np.asarray(feature, dtype=np.float64)
    if feature.ndim != 3 or feature.size == 0:
        raise ValueError(f'feature has the shape {feature.shape}, expected (C, h, w)')
    if not np.isfinite(feature).all():
        raise ValueError('feature contains NaN or infinite values')
    energy = np.sqrt(np.mean(feature**2, axis=0))
    low, high = energy.min(), energy.max()
    # Rounding makes equal energies differ by about 1e-16.
    if high - low <= 1e-12 * high:
        return np.zeros_like(energy)
    return (energy - low) / (high - low)


def heat_overlay(
    image: np.ndarray, energy: np.ndarray, *, opacity: float = 0.6, colormap: str = 'inferno'
) -> np.ndarray:
    """Overlay an image with an energy map.

    Args:
        image: (H, W) or BGR (H, W, 3), any numeric type.
        energy: (h, w) in 0..1, enlarged bilinearly to the image.
        opacity: Weight of the colours, 0 to 1.
        colormap: Name of a matplotlib colour map.

    Returns:
        RGB uint8 (H, W, 3).
    """
    if not 0 <= opacity <= 1:
        raise ValueError(f'opacity={opacity}: give a value between 0 and 1')
    gray = to_rgb(to_gray8(image)).astype(np.float64)
    size = (gray.shape[1], gray.shape[0])
    large = cv2.resize(np.asarray(energy, np.float64), size, interpolation=cv2.INTER_LINEAR)
    colours = matplotlib.colormaps[colormap](np.clip(large, 0, 1))[..., :3] * 255.0
    return np.rint((1 - opacity) * gray + opacity * colours).astype(np.uint8)


def draw_feature_heatmaps(
    image: np.ndarray,
    features: Sequence[tuple[str, np.ndarray]],
    *,
    columns: int = 4,
    opacity: float = 0.6,
    colormap: str = 'inferno',
) -> Figure:
    """Draw the image and one heat map per feature map in a grid.

    Every map is scaled separately, so colours can be compared within a map, but not between maps.

    Args:
        image: (H, W) or BGR (H, W, 3), any numeric type.
        features: (title, feature map (C, h, w)) in the order to show; h and w may differ.
        columns: Panels per row.
        opacity: Weight of the colours over the image.
        colormap: Name of a matplotlib colour map.

    Returns:
        A figure; its ``savefig`` writes it.

    Raises:
        ValueError: There are no features, or one has a wrong shape; the message has its title.
    """
    if not features:
        raise ValueError('features is empty: give at least one (title, feature map (C, h, w))')
    panels = [('image', to_rgb(to_gray8(image)))]
    for title, feature in features:
        try:
            energy = channel_energy(feature)
        except ValueError as error:
            raise ValueError(f'{title!r}: {error}') from error
        shape = 'x'.join(str(side) for side in np.shape(feature))
        overlay = heat_overlay(image, energy, opacity=opacity, colormap=colormap)
        panels.append((f'{title}  ({shape})', overlay))
    columns = min(columns, len(panels))
    lines = -(-len(panels) // columns)
    aspect = image.shape[0] / image.shape[1]
    # Without pyplot: no window, no global state, safe in threads and hooks.
    figure = Figure(figsize=(3.0 * columns, (3.0 * aspect + 0.35) * lines), layout='constrained')
    for place, (title, picture) in enumerate(panels, start=1):
        axes = figure.add_subplot(lines, columns, place)
        axes.imshow(picture, interpolation='nearest')
        axes.set_title(title, fontsize=9)
        axes.axis('off')
    return figure
