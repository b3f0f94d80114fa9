"""The stack of ``docker-compose.yaml``: its secrets, up and down, backup and restore.

Needs Python and Docker alone: nothing here imports a package, so no virtual environment has to be made for it.
"""
