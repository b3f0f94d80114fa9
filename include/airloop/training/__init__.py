"""Training: from a snapshot's rows to a candidate in the store and in MLflow. Importing it is light."""

from airloop.training.candidate import Trained, train

__all__ = ["Trained", "train"]
