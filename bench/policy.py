#!/usr/bin/env python3
"""What the policies cost: all default rules over a generated repository in one process, CPU time without reading and loading.

python3 tools/run.py python bench/policy.py [OBJECTS...]     (default: 2000 8000)
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from pathlib import Path

from kgate import load
from kgate.policy import PolicySettings, catalog, judge

sys.path.insert(0, str(Path(__file__).parent))
from validate import FILE

PER_FILE = 4


def main() -> None:
    sizes = [int(a) for a in sys.argv[1:]] or [2000, 8000]
    gc.disable()  # as the command does
    print(f"{'objects':>8s} {'findings':>9s} {'cpu s':>7s} {'cpu us/object':>14s}")
    for objects in sizes:
        with tempfile.TemporaryDirectory() as folder:
            for n in range(objects // PER_FILE):
                Path(folder, f"app-{n}.yaml").write_text(FILE.format(n=n))
            manifests = load.manifests([folder]).manifests
            rules = catalog()
            started = time.process_time()
            found = judge(manifests, rules, PolicySettings())
            cpu = time.process_time() - started
        print(f"{len(manifests):8d} {len(found):9d} {cpu:7.2f} {cpu / len(manifests) * 1e6:14.0f}")


if __name__ == "__main__":
    main()
