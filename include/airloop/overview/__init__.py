"""What pages tell about pipelines: read from ledger, store, descriptions and targets, and changing nothing."""
