"""What concerns DataFrames and is no algorithm: columns, caching, pinned input, neighbours."""
