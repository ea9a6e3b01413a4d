"""The sub-commands of `mmirstd`, one file each."""
