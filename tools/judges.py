#!/usr/bin/env python3
"""Runs the judges against the kgate of this environment, each with its floor from .ci/floors.toml, and fails below a floor.

The judges and their banks live in `../shared`, outside of this repository; without that folder there is nothing to do.
A floor is the score that was reached once: raise it when the score rises, so that no later work loses what was won.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def main() -> int:
    if not (SHARED / "judge").is_dir():
        print("judges: not present here, skipped")
        return 0
    floors = tomllib.loads((ROOT / ".ci" / "floors.toml").read_text())["judge"]
    kgate = Path(sys.executable).parent / "kgate"
    failed = [judge["name"] for judge in floors if not passes(judge, kgate)]
    print(
        f"judges: {len(floors) - len(failed)} of {len(floors)} at or above their floors"
        + (f"; below: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def passes(judge: dict[str, object], kgate: Path) -> bool:
    script = SHARED / "judge" / f"{judge['script']}.py"
    argv = [sys.executable, str(script), *map(str, judge.get("args", [])), "--at-least", str(judge["at_least"]), "--show", "3"]  # type: ignore[call-overload]
    begin = time.monotonic()
    done = subprocess.run(argv, env=os.environ | {"KGATE": str(kgate)}, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begin
    last = (done.stdout.strip().splitlines() or ["no output"])[-1]
    print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {judge['name']}: {last} (floor {judge['at_least']}, {seconds:.0f} s)")
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
