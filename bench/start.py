#!/usr/bin/env python3
"""How long a person waits for `kgate check` on one file: whole processes, wall time, warm file cache.

python3 tools/run.py python bench/start.py [--runs 15] [FILE]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KGATE = str(Path(sys.executable).parent / "kgate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", default=str(ROOT / "examples" / "nginx-deployment.yaml"))
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    check = [KGATE, "check", "--offline", "--no-cache", options.file]
    rows = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "kgate --version": [KGATE, "--version"],
        "kgate check --stage load": [*check, "--stage", "load"],
        "kgate check --stage validate": [*check, "--stage", "validate"],
        "kgate check --stage policy": [*check, "--stage", "policy"],
        "kgate check, all stages, offline": check,
    }
    print(f"{'wall time in ms':34s} {'min':>6s} {'median':>7s} {'max':>6s}")
    for name, argv in rows.items():
        spans = sorted(span_ms(argv) for _ in range(options.runs + 1))[:-1]  # the slowest is the cold one
        print(f"{name:34s} {spans[0]:6.0f} {statistics.median(spans):7.0f} {spans[-1]:6.0f}")


def span_ms(argv: list[str]) -> float:
    # Who has edited a module and may not write bytecode would measure the compiler.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    subprocess.run(argv, capture_output=True, check=False, env=environment)
    return (time.perf_counter() - begin) * 1000


if __name__ == "__main__":
    main()
