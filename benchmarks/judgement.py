"""Are the decisions right? Simulated on real flights, with fixed seeds.

    python benchmarks/judgement.py                       all sections
    python benchmarks/judgement.py gates --pairs 100     promotions of models that are no better (10 minutes on 2 cores)
    python benchmarks/judgement.py drift                 false alarms of drift, and how soon it is found (10 minutes)
    python benchmarks/judgement.py retraining            retrainings in 2013, by our policy and by fixed thresholds

Needs PYTHONPATH=include and the extra ``examples``.
"""

from __future__ import annotations

import argparse

SECTIONS = ("gates", "drift", "retraining")


def main() -> None:
    """Run the sections that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--pairs", type=int, default=60, help="of equal models (default 60)")
    given = parser.parse_args()
    if unknown := set(given.sections) - set(SECTIONS):
        parser.error(f"unknown section {sorted(unknown)[0]!r}; known: {', '.join(SECTIONS)}")
    for section in given.sections or SECTIONS:
        print(f"\n== {section} ==", flush=True)
        if section == "gates":
            from judging import gates

            gates.run(given.pairs)
        elif section == "drift":
            from judging import drifting

            drifting.run()
        else:
            from judging import retraining

            retraining.run()


if __name__ == "__main__":
    main()
