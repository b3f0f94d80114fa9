"""What would have been: a walk through the past that trains, judges and releases nothing."""
