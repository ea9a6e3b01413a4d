"""What happens to a frame around the model: first look, whole-frame steps, tiles, mirrors."""
