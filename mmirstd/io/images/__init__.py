"""Reading images and masks of any container with all their bits, and writing images."""
