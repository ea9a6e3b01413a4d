"""Detection by several processes or machines, with the tables of a single process.

The list of images is divided into shards. A worker processes one shard after the other: it writes
the pictures, and then a file with the content of tables and lists for the shard. The process
that the user started appends these files to the tables in the order of the list. If a process is
killed, each shard is either complete or processed again.
"""
