"""``python -m airloop.compose``: what ``make env`` and ``make compose-…`` call."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from airloop.compose import backup, settings, stack
from airloop.compose.engine import Engine
from airloop.errors import AirloopError

PROJECT = Path(__file__).resolve().parents[3]


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say and return an exit code; errors are told in words."""
    asked = _parser().parse_args(arguments)
    engine = Engine(PROJECT, asked.env_file.absolute())
    try:
        return _do(asked, engine)
    except AirloopError as error:
        _say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _do(asked: argparse.Namespace, engine: Engine) -> int:
    match asked.verb:
        case "env":
            new = settings.make(engine.env_file, prefix=asked.prefix)
            _say(f"{engine.env_file}: {len(new)} settings made" if new else f"{engine.env_file}: complete already")
        case "prepare":
            from airloop.compose.prepare import prepare

            prepare()
        case "heal":
            from airloop.compose.heal import heal

            for line in heal():
                _say(line)
        case "up":
            _up(engine)
        case "down":
            stack.down(engine, _say, erase=asked.erase)
        case "demo":
            _up(engine)
            more = ["--weeks", str(asked.weeks)] if asked.weeks else []
            engine.beside("airloop", "demo", *more, quietly=False)
        case "backup":
            _say(str(backup.backup(engine, asked.to or _usual(engine), _say)))
        case "restore":
            backup.restore(engine, asked.source, _say)
    return 0


def _up(engine: Engine) -> None:
    began = time.monotonic()
    stack.up(engine, _say)
    _say(f"up after {time.monotonic() - began:.0f} s")
    for line in stack.tell_where(engine):
        sys.stderr.write(f"  {line}\n")


def _usual(engine: Engine) -> Path:
    return engine.folder / "backups" / f"{engine.prefix}-{time.strftime('%Y-%m-%dT%H-%M-%S')}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airloop.compose", description="The stack of docker-compose.yaml.")
    parser.add_argument("--env-file", type=Path, default=PROJECT / ".env", help="its secrets and ports (default: .env)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    env = verbs.add_parser("env", help="make .env, or what it lacks")
    env.add_argument("--prefix", default="airloop", help="how all names on the engine begin")
    verbs.add_parser("prepare", help="migrate the databases (runs in a container)")
    verbs.add_parser("up", help="build, migrate, start, wait")
    verbs.add_parser("heal", help="serve what the ledger says is live (runs in a container)")
    down = verbs.add_parser("down", help="stop")
    down.add_argument("--erase", action="store_true", help="remove all data as well")
    demo = verbs.add_parser("demo", help="the whole loop on real flights, in containers")
    demo.add_argument("--weeks", type=int, default=0, help="stop after so many weeks (default: all)")
    made = verbs.add_parser("backup", help="databases and volumes to a folder")
    made.add_argument("--to", type=Path)
    verbs.add_parser("restore", help="a backup in the place of all data").add_argument("source", type=Path)
    return parser


def _say(what: str) -> None:
    sys.stderr.write(f"· {what}\n")


if __name__ == "__main__":
    sys.exit(main())
