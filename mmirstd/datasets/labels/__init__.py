"""Labels that are not mask files: boxes, polygons and run lengths; import the module you need."""
