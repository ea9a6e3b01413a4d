"""Images with many masks (SA-1B, COCO) as prompts and targets; import the module you need."""
