"""`mmirstd test`, where `mim test mmirstd CONFIG` looks for it."""

from mmirstd.cli.commands.test import main

if __name__ == '__main__':
    raise SystemExit(main())
