"""DataFrame tools without sampling logic: caching, pinned input, neighbours."""
