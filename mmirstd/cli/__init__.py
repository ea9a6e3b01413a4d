"""The `mmirstd` command: one module per sub-command, `main` starts them."""
