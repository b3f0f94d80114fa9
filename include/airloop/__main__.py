"""``python -m airloop``."""

from airloop.cli import main

if __name__ == "__main__":
    main()
