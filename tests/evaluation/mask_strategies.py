"""Random masks for property tests."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def masks(draw, count=1, max_height=10, max_width=14):
    """``count`` masks (H, W) of one size, from empty to half full, as a (count, H, W) array."""
    height, width = draw(st.integers(1, max_height)), draw(st.integers(1, max_width))
    bits = st.integers(0, 2 ** (count * height * width) - 1)
    number = draw(bits)
    for _ in range(draw(st.integers(0, 3))):  # each "and" halves the density
        number &= draw(bits)
    digits = f'{number:0{count * height * width}b}'
    return np.array([digit == '1' for digit in digits]).reshape(count, height, width)


@st.composite
def mask_pairs(draw):
    """Prediction and ground truth; often the former is the latter, shifted and changed."""
    prediction, gt_mask, change = draw(masks(count=3))
    if draw(st.booleans()):
        shift = draw(st.tuples(st.integers(-3, 3), st.integers(-3, 3)))
        prediction = np.roll(gt_mask, shift, axis=(0, 1)) ^ (prediction & change)
    return prediction, gt_mask
