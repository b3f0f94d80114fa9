"""Images: the base that serves every model, and the thin layer that makes it one model's."""
