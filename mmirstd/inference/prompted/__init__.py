"""Predictors that answer prompts about an image: SAM and Semantic-SAM."""
