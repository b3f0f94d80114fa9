"""The past sent to the live endpoint again, on its own clock."""
