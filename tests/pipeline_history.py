"""What a ledger has of one pipeline after some years: made up, and with the keys that the steps really write."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from airloop import clock
from airloop.ledger import Champion
from airloop.monitoring.window import Window

WEEK = timedelta(weeks=1)
WARN, ACT = 0.10, 0.25
"""Of drift."""
LOSS = {"roc_auc": (0.02, 0.04), "log_loss": (0.05, 0.10)}
"""Metric → loss that warns, loss that acts."""
PEOPLE = ("ann", "boris", "chen", "dalia", "emeka")
STEPS = (10, 50)


@dataclass
class History:
    """Grows week by week; ``entries`` and ``champions`` are rows of the ledger's tables, in the order of time.

    ``fate`` is what the last weeks bring: a word of ``many_pipelines.FATES``.
    """

    name: str
    target: str
    fate: str
    dice: random.Random
    entries: list[dict[str, Any]] = field(default_factory=list)
    champions: list[dict[str, Any]] = field(default_factory=list)
    version: int = 0
    quality: float = 0.7
    asked: str = ""
    """Window whose decision no run has answered."""

    def live_through(self, until: datetime, weeks: int) -> None:
        """Add everything of the ``weeks`` before ``until``."""
        self.quality = round(self.dice.uniform(0.66, 0.9), 6)
        for number in range(weeks):
            self._week(until - (weeks - 1 - number) * WEEK, left=weeks - 1 - number)

    def _week(self, monday: datetime, *, left: int) -> None:
        ending = self.fate if left < 4 else ""
        if self.fate == "never released":
            self._judge(monday, "HOLD") if left % 4 == 0 else None
            return
        if self.champions:
            self._watch(monday, ending, is_last=left == 0)
        if not self.champions:
            self._train(monday, "PROMOTE", "RELEASED")
        elif ending:
            self._end(monday, ending, left)
        elif self.asked or self.dice.random() < 0.25:
            outcome = self.dice.choices(("PROMOTE", "HOLD", "REJECT"), (6, 3, 1))[0]
            ended = self.dice.choices(("RELEASED", "ROLLED_BACK", "REFUSED", "unverified"), (20, 2, 1, 1))[0]
            self._train(monday, outcome, ended)
            if self.dice.random() < 0.04 and len(self.champions) > 1 and self.champions[-1]["kind"] == "release":
                self._go_back(monday + timedelta(days=2))

    def _end(self, monday: datetime, fate: str, left: int) -> None:
        if fate == "went back" and left == 1:
            self._train(monday, "PROMOTE", "RELEASED")
            self._go_back(monday + timedelta(hours=20))
        elif fate == "judged worse" and left == 0:
            self._train(monday, "PROMOTE", "ROLLED_BACK")
        elif fate == "paused" and left == 1:
            by, why = self.dice.choice(PEOPLE), "prices of the source are wrong until it is mended"
            said = {"is_paused": True, "by": by, "reason": why}
            self._add("pause", self.name, said, monday + timedelta(days=1), run_id=self._digest("pause")[:16])
        elif left == 3:
            self._train(monday, "PROMOTE", "RELEASED")
        elif left == 0 and fate == "held":
            self._train(monday, "HOLD", "")

    def _watch(self, monday: datetime, ending: str, *, is_last: bool) -> None:
        window = Window(monday - WEEK, monday).name
        age = (monday - self.champions[-1]["data_cut_off"]) / WEEK
        distance = max(0.005, self.dice.gauss(0.03 + 0.012 * age, 0.015))
        loss = self.dice.gauss(0.004 * age - 0.005, 0.008)
        if ending:
            distance, loss = min(distance, 0.08), min(loss, 0.01)
        if is_last:
            distance = {"drifts": 0.31, "drifts a little": 0.14, "asks": 0.4}.get(ending, distance)
            loss = {"decays": 0.062, "decays a little": 0.027}.get(ending, loss)
        level = "ACT" if distance >= ACT else "WARN" if distance >= WARN else "OK"
        too_few = is_last and ending == "too few rows"
        as_of = monday + timedelta(hours=12)
        drift = self._drift(window, "INCONCLUSIVE" if too_few else level, distance, as_of)
        performance = self._performance(window, loss, as_of, too_few=too_few)
        self._decide(window, drift, performance, as_of, ending)

    def _drift(self, window: str, level: str, distance: float, as_of: datetime) -> str:
        moved = f"columns with 41.3 % of the importance moved: wind_speed_mph {distance:.2g}, 3.4 times the usual"
        reason = {
            "ACT": f"{moved} (chance below 1 in a million)",
            "WARN": f"moved a little, or less surely: carrier {distance:.2g} (chance 0.02)",
            "OK": "nothing that the model uses has moved by a PSI of 0.1 for sure",
            "INCONCLUSIVE": "312 rows are fewer than `monitor.drift.min_rows`: 188 more are needed",
        }[level]
        digest = self._digest("drift", window)
        said = {"digest": digest, "uri": f"/srv/airloop/store/drifts/{digest}", "level": level, "reasons": [reason]}
        rows = 312 if level == "INCONCLUSIVE" else self.dice.randrange(4_000, 9_000)
        said |= {"missing_rows": 500 - rows if rows < 500 else 0, "distance": round(distance, 4)}
        said |= {"version": self.champions[-1]["version"], "rows": rows}
        self._add("drift", window, said, as_of, as_of=as_of, run_id=digest)
        return level

    def _performance(self, window: str, loss: float, as_of: datetime, *, too_few: bool) -> str:
        warn, act = LOSS["roc_auc"]
        level = "ACT" if loss >= act else "WARN" if loss >= warn else "OK"
        level = "INCONCLUSIVE" if too_few else level
        value = self.quality - loss
        change = f"{abs(loss):.2g} {'worse' if loss >= 0 else 'better'} than {self.quality:.4g} on the holdout"
        digest = self._digest("performance", window)
        metrics = {"roc_auc": round(value, 6), "log_loss": round(0.5 + loss, 6), "accuracy": 0.81, "brier": 0.14}
        said: dict[str, Any] = {"digest": digest, "uri": f"/srv/airloop/store/performances/{digest}", "level": level}
        said |= {"reasons": [f"roc_auc {value:.4g} is {change}"], "labelled": 3_900, "metrics": metrics}
        said |= {"estimated": {"roc_auc": round(value + 0.004, 6)}, "missing_rows": 0}
        said |= {"baseline": {"roc_auc": self.quality, "log_loss": 0.5}}
        said |= {"version": self.champions[-1]["version"], "rows": 4_200}
        self._add("performance", window, said, as_of + timedelta(hours=6), as_of=as_of, run_id=digest)
        return level

    def _decide(self, window: str, drift: str, performance: str, as_of: datetime, ending: str) -> None:
        is_asking = "ACT" in (drift, performance) and (ending in ("", "asks"))
        why = f"1 of the latest 2 windows is violated: {window[:10]} drift" if is_asking else (
            f"the window is not violated: drift {drift}, performance {performance}"
        )  # fmt: skip
        digest, version = self._digest("decision", window), self.champions[-1]["version"]
        said = {"digest": digest, "uri": f"/srv/airloop/store/decisions/{digest}.json", "window": window}
        said |= {"action": "RETRAIN" if is_asking else "WAIT", "as_of": clock.iso(as_of), "reasons": [why]}
        said |= {"report": f"/srv/airloop/store/reports/{digest}/window.html", "is_binding": True}
        facts = {"drift": drift, "performance": performance, "rows": 4_200, "labelled": 3_900, "source": "fresh"}
        said |= {"run_id": f"scheduled__{clock.iso(as_of)}", "facts": facts | {"version": version}}
        self._add("decision", window, said, as_of + timedelta(hours=7), as_of=as_of)
        if is_asking:
            self.asked = window

    def _train(self, monday: datetime, outcome: str, ended: str) -> None:
        """Train, judge, and for PROMOTE verify and release."""
        as_of = monday + timedelta(hours=18)
        run_id = f"scheduled__{clock.iso(as_of)}"
        if self.asked:
            said = {"run_id": run_id, "as_of": clock.iso(as_of)}
            self._add("retraining", self.asked, said, as_of, as_of=as_of)
            self.asked = ""
        self._judge(as_of, outcome)
        if outcome != "PROMOTE":
            return
        bundle = self._digest("bundle")
        said = {"digest": self._digest("verification"), "uri": "", "passed": ended != "unverified", "image": ""}
        said |= {"reasons": ["p99 latency 31 ms is above 25"] if ended == "unverified" else []}
        said |= {"latency_p99_ms": 3.1, "bundle_mb": 1.2, "version": f"{self.version}"}
        self._add("verification", bundle, said, as_of + timedelta(minutes=30), as_of=as_of)
        if ended != "unverified":
            self._release(as_of, ended, bundle, run_id)

    def _release(self, as_of: datetime, ended: str, bundle: str, run_id: str) -> None:
        at = as_of + timedelta(hours=1)
        worse = "10 %: 14 of 203 failed, champion 3 of 1,801: beyond the 0.0 % more that is allowed (by chance: 2e-11)"
        reasons = {
            "RELEASED": [
                f"after version {self.version - 1}",
                "10 %: 0 of 204 failed, champion 0 of 1,836",
                "50 %: good",
            ],
            "ROLLED_BACK": [worse],
            "REFUSED": ["another run released generation 4 first"],
        }[ended]
        generation = len(self.champions) + (ended == "RELEASED")
        said = {"outcome": ended, "target": self.target, "version": f"{self.version}", "by": "", "reasons": reasons}
        steps = [{"step": f"{step} %", "action": "PROMOTE", "reasons": []} for step in STEPS]
        said |= {"generation": generation, "steps": steps, "evidence": self._digest("evidence"), "image": ""}
        certified = {"evidence": said["evidence"], "target": self.target, "version": said["version"], "by": ""}
        self._add("certified", bundle, certified, at - timedelta(minutes=20), run_id=run_id)
        if ended == "RELEASED":
            self._champion(bundle, f"{self.version}", as_of, at, reasons, run_id)
            self.quality = round(min(0.95, max(0.6, self.dice.gauss(self.quality, 0.01))), 6)
        self._add(ended.lower(), bundle, said, at + timedelta(minutes=1), run_id=run_id)

    def _go_back(self, at: datetime) -> None:
        gone, to = self.champions[-1], self.champions[-2]
        by, run_id = self.dice.choice(PEOPLE), f"manual__{clock.iso(at)}"
        reasons = [f"rolled back from version {gone['version']} to version {to['version']}", "complaints from the desk"]
        restores = to["restores"] or to["generation"]
        more = {"kind": "roll_back", "by": by, "restores": restores}
        self._champion(to["bundle"], to["version"], to["data_cut_off"], at, reasons, run_id, **more)
        said = {"outcome": "ROLLED_BACK", "target": self.target, "version": to["version"], "by": by}
        said |= {"reasons": reasons, "generation": len(self.champions), "evidence": "", "image": ""}
        self._add("rolled_back", to["bundle"], said, at + timedelta(minutes=1), run_id=run_id)

    def _judge(self, as_of: datetime, outcome: str) -> None:
        self.version += 1
        value = round(self.quality + self.dice.gauss(0, 0.004), 6)
        gain = {"PROMOTE": 0.004, "HOLD": 0.001, "REJECT": -0.03}[outcome]
        reason = {
            "PROMOTE": "log_loss 0.004 better than the champion: at most 0.002 worse with 95 % confidence",
            "HOLD": "log_loss 0.001 better than the champion, but perhaps 0.013 worse: 2,400 more labelled rows needed",
            "REJECT": "log_loss 0.03 worse than the champion: surely more than the margin of 0.01",
        }[outcome]
        number = {"rule": "log_loss at most 0.01 worse than the champion", "metric": "log_loss", "is_gain": True}
        number |= {"value": gain, "lower": gain - 0.012, "upper": gain + 0.012, "threshold": -0.01}
        digest = self._digest("verdict")
        metrics = {"roc_auc": [value, value - 0.02, value + 0.02], "log_loss": [0.5, 0.47, 0.53]}
        metrics |= {"accuracy": [0.81, 0.8, 0.82], "calibration_error": [0.02, 0.01, 0.05]}
        champion = self.champions[-1]["version"] if self.champions else None
        said = {"outcome": outcome, "reasons": [reason], "version": f"{self.version}", "champion_version": champion}
        said |= {"model": self._digest("model"), "rows": 6_012, "metrics": metrics, "number": number}
        said |= {"report": f"/srv/airloop/store/verdicts/{digest}/report.html"}
        self._add("verdict", digest, said, as_of + timedelta(minutes=20), as_of=as_of)

    def _champion(
        self, bundle: str, version: str, cut_off: datetime, at: datetime, reasons: list[str], run_id: str, **more: Any
    ) -> None:
        given = {"kind": "release", "by": "", "restores": None} | more
        champion = Champion(
            pipeline=self.name, target=self.target, generation=len(self.champions) + 1, bundle=bundle, version=version,
            data_cut_off=cut_off, run_id=run_id, reasons=tuple(reasons), recorded_at=at, **given,
        )  # fmt: skip
        self.champions.append(vars(champion) | {"reasons": reasons})

    def _add(self, kind: str, subject: str, said: dict[str, Any], at: datetime, **more: Any) -> None:
        values = {"kind": kind, "pipeline": self.name, "subject": subject, "payload": said, "recorded_at": at}
        self.entries.append({"as_of": None, "run_id": "", **values, **more})

    def _digest(self, *parts: str) -> str:
        return hashlib.sha256("/".join((self.name, f"{self.version}", *parts)).encode()).hexdigest()
