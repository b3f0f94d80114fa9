"""Changing nginx's configuration in its running container: check beside, swap in one step, reload, wait."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airloop.errors import Unreachable
from airloop.gateway.container import FILE, FOLDER

if TYPE_CHECKING:
    from docker.models.containers import Container

log = logging.getLogger(__name__)

TURN_S = 15
"""Longest wait until the new configuration answers."""
SETTLE_S = 30
"""Longest wait until the last request of the old one is answered."""
_CHANGED, _STUCK, _LINGERS = 75, 76, 77

CHECK = f'cd {FOLDER}; nginx -t -q -e stderr -c "{FOLDER}/$1"'
SWAP = f"""
cd {FOLDER}; exec 9>lock; flock -w 30 9 || exit 1
[ "$(sha256sum <{FILE})" = "$2  -" ] || {{ rm -f "$1"; exit {_CHANGED}; }}
mv -f "$1" {FILE}
find . -name 'staged-*' -cmin +10 -exec rm -f {{}} +
"""
WORKERS = """
for each in /proc/[0-9]*; do
    title=$(tr '\\0' ' ' 2>/dev/null <$each/cmdline) || continue
    case $title in *"nginx: worker process is shutting down"*) ;; *"nginx: worker process"*) echo ${each#/proc/};; esac
done
"""
WAIT = f"""
title() {{ tr '\\0' ' ' 2>/dev/null <"/proc/$1/cmdline"; }}
turn=$(($(date +%s) + {TURN_S})); settle=$(($(date +%s) + {SETTLE_S}))
for pid; do
    while :; do
        case $(title "$pid") in
            *"nginx: worker process is shutting down"*) [ "$(date +%s)" -lt $settle ] || exit {_LINGERS} ;;
            *"nginx: worker process"*) [ "$(date +%s)" -lt $turn ] || exit {_STUCK} ;;
            *) break ;;
        esac
        sleep 0.05
    done
done
"""


@dataclass(frozen=True)
class Reloading:
    """nginx in ``container``. Root owns the configuration, so nginx itself cannot change it."""

    container: Container

    def check(self, staged: str) -> str:
        """Return what nginx has against the file ``staged``, which is removed then; "" where it is right."""
        ended, said = self.container.exec_run(["sh", "-c", CHECK, "sh", staged])
        if not ended:
            return ""
        self._as_root(f'rm -f "{FOLDER}/$1"', staged)
        return str(said.decode(errors="replace").strip()) or f"nginx -t ended with {ended}"

    def swap(self, staged: str, expected: str) -> bool:
        """Put ``staged`` in the place of the configuration with SHA-256 ``expected``; False where it is another."""
        ended, said = self._as_root(SWAP, staged, expected)
        if ended not in (0, _CHANGED):
            raise Unreachable(f"the gateway's configuration cannot be written: {said}")
        return ended == 0

    def reload(self) -> None:
        """Make nginx read its configuration; return once the last request by the old one is answered.

        Raises Unreachable when nginx does not turn to the new one.
        """
        workers = self.container.exec_run(["sh", "-c", WORKERS]).output.decode().split()
        self.container.kill("HUP")
        ended, said = self.container.exec_run(["sh", "-c", WAIT, "sh", *workers])
        if ended == _LINGERS:
            log.warning("the gateway still answers requests that are older than %d s", SETTLE_S)
        elif ended:
            last = self.container.logs(tail=5).decode(errors="replace").strip()
            raise Unreachable(
                f"the gateway did not take its new configuration within {TURN_S} s: {said.decode(errors='replace')} "
                f"{last}. The old one serves; try again"
            )

    def _as_root(self, script: str, *given: str) -> tuple[int, str]:
        ended, said = self.container.exec_run(["sh", "-c", script, "sh", *given], user="0")
        return ended, said.decode(errors="replace").strip()
