"""Pictures of images, targets and detections. Import the module that you need."""
