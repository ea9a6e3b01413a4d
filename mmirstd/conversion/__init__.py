"""Conversion of published checkpoints into ours."""
