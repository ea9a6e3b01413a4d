"""`python -m mmirstd`, the same as the command `mmirstd`."""

from mmirstd.cli.main import main

if __name__ == '__main__':
    raise SystemExit(main())
