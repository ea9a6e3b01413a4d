"""Pictures of images, targets and detections; import the module you need."""
