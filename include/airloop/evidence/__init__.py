"""Evidence for a release: the signed bundle, what is in its image, and the statement that ties it together."""
