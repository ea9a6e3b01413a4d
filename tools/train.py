"""`mmirstd train`, where `mim train mmirstd CONFIG` looks for it."""

from mmirstd.cli.commands.train import main

if __name__ == '__main__':
    raise SystemExit(main())
