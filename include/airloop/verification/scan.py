"""The scanner hook: a command of the user's that looks at the image and says no by its exit code."""

from __future__ import annotations

import shlex
import subprocess

from airloop.errors import ImageError, Unreachable

LONGEST_S = 900.0
PLACE = "{image}"
LINES = 5
"""Last lines of what the command printed that a reason carries."""


def scan(command: str, image: str, *, longest_s: float = LONGEST_S) -> str:
    """Run ``command``, split as a shell would but without one; return why it refuses the image, "" when it does not.

    Raises ImageError when the command cannot be run, and Unreachable when it does not end in time.
    """
    words = [word.replace(PLACE, image) for word in shlex.split(command)]
    try:
        ended = subprocess.run(  # noqa: S603  # what the pipeline's owner asked for
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=longest_s,
            check=False,
        )
    except OSError as error:
        raise ImageError(
            f"release.scan: {words[0]!r} cannot be run ({error.strerror}): install it where verify_bundle runs, "
            "or take `scan` out of the spec"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"release.scan: {words[0]!r} did not end within {longest_s:g} s") from error
    if not ended.returncode:
        return ""
    said = ended.stdout.decode(errors="replace").strip().splitlines()[-LINES:]
    return (
        f"release.scan: {words[0]!r} refuses the image (exit code {ended.returncode}): {' | '.join(said) or 'no word'}"
    )
