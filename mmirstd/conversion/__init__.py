"""Conversion of published checkpoints to those of this package."""
