#!/usr/bin/env python3
"""What validation costs: generated repositories of several sizes, four objects a file, one process, CPU time and peak memory.

python3 tools/run.py python bench/validate.py [FILES...]     (default: 500 2000 12500)
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KGATE = str(Path(sys.executable).parent / "kgate")
FILE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{n}, namespace: shop, labels: {{app.kubernetes.io/name: app-{n}}}}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: app-{n}}}}}
  template:
    metadata: {{labels: {{app: app-{n}}}}}
    spec:
      containers:
        - name: app
          image: registry.example.com/shop/app-{n}:1.{n}.0
          ports: [{{name: http, containerPort: 8080}}]
          env: [{{name: MODE, value: fast}}, {{name: POD, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}]
          readinessProbe: {{httpGet: {{path: /ready, port: http}}, periodSeconds: 5}}
          resources: {{requests: {{cpu: 250m, memory: 256Mi}}, limits: {{memory: 256Mi}}}}
          volumeMounts: [{{name: settings, mountPath: /etc/app}}]
      volumes: [{{name: settings, configMap: {{name: app-{n}}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: app-{n}, namespace: shop}}
spec: {{selector: {{app: app-{n}}}, ports: [{{name: http, port: 80, targetPort: http}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: app-{n}, namespace: shop}}
data: {{app.properties: "mode=fast\\nworkers={n}\\n"}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: app-{n}, namespace: shop}}
spec: {{maxUnavailable: 1, selector: {{matchLabels: {{app: app-{n}}}}}}}
"""


def main() -> None:
    sizes = [int(a) for a in sys.argv[1:]] or [500, 2000, 12500]
    print(f"{'files':>7s} {'objects':>8s} {'wall s':>7s} {'cpu s':>7s} {'cpu us/object':>14s} {'peak MB':>8s}")
    for files in sizes:
        with tempfile.TemporaryDirectory() as folder:
            for n in range(files):
                Path(folder, f"app-{n}.yaml").write_text(FILE.format(n=n))
            print(row(folder, files))


def row(folder: str, files: int) -> str:
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    argv = [KGATE, "check", "--offline", "--no-cache", "--stage", "validate", "-q", folder]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout.decode(errors="replace"))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    objects = 4 * files
    return f"{files:7d} {objects:8d} {wall:7.2f} {cpu:7.2f} {cpu / objects * 1e6:14.0f} {after.ru_maxrss / 1024:8.0f}"


if __name__ == "__main__":
    main()
