"""Groups of command-line arguments that several tools share."""
