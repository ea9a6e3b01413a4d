"""Predictors for prompts about an image: SAM and Semantic-SAM."""
