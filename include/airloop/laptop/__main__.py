"""``python -m airloop.laptop``: the process that owns a running stack. `airloop.laptop.control` starts it."""

import sys

from airloop.laptop.control import supervise

sys.exit(supervise())
