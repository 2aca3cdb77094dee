#!/usr/bin/env python3
"""How `kgate check` fares over a large folder: wall and CPU time, peak memory, and whether the cost is linear (half of it, then all).

python3 tools/run.py python bench/folder.py FOLDER
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KGATE = str(Path(sys.executable).parent / "kgate")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    files = sorted(str(p) for p in Path(sys.argv[1]).rglob("*.yaml"))
    print(f"{'files':>7s} {'objects':>8s} {'findings':>9s} {'wall s':>7s} {'cpu s':>7s} {'peak MB':>8s}")
    for part in (files[::4], files[::2], files):
        print(row(part))


def row(files: list[str]) -> str:
    with tempfile.TemporaryDirectory() as temp:
        report = Path(temp) / "report.json"
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [KGATE, "check", "--offline", "--no-cache", f"--report=json:{report}", "--", *files], capture_output=True, check=False
        )
        wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode not in (0, 1, 3):
            sys.exit(done.stderr.decode(errors="replace"))
        answer = json.loads(report.read_text())
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    checked = answer["checked"]
    return (
        f"{checked['files']:7d} {checked['objects']:8d} {len(answer['findings']):9d} {wall:7.2f} {cpu:7.2f} {after.ru_maxrss / 1024:8.0f}"
    )


if __name__ == "__main__":
    os.environ["NO_COLOR"] = "1"
    main()
