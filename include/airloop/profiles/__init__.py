"""What columns look like: mergeable sketches of partitions and windows, and distances between them."""
