"""Groups of arguments that commands share, each written once."""
