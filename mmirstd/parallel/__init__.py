"""Detection by several processes or machines, with the tables of a single process.

The list of images is cut into shards. A worker detects in one shard after the other, writes the
pictures, and last a file with everything that tables and lists say about the shard. The process
that the user started appends these files to the tables in the order of the list. Whatever is
killed, a shard is either there as a whole or done again.
"""
