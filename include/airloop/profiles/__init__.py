"""What columns look like: mergeable sketches of partitions and windows, and distances between them."""

from airloop.profiles.column import Column, Kind
from airloop.profiles.profile import Profile, merge

__all__ = ["Column", "Kind", "Profile", "merge"]
