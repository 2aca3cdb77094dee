#!/usr/bin/env python3
"""What scanning costs: images of a made-up database, cold and from memory, beside a `trivy server` set up by hand with four clients.

python3 tools/run.py python bench/images.py [IMAGES]     (default: 50)
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kgate import load
from kgate.images import from_config, judge
from tests.e2e.trivy import advisories, archives

TRIVY = str(Path(sys.executable).with_name("trivy"))
OPTIONS = ["--config", "/dev/null", "--ignorefile", "/dev/null", "--skip-db-update", "--skip-java-db-update", "--offline-scan"]
REPORT = ["--scanners", "vuln", "--pkg-types", "os,library", "--format", "json", "--list-all-pkgs", "--no-progress"]


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "memory")
        cache, files = advisories.write_cache(folder / "cache"), written(folder, number)
        hands, cold = [], []
        for _ in range(3):  # in turns, because the machine may have other work
            hands.append(served(folder, cache, list(files.values())))
            shutil.rmtree(folder / "memory", ignore_errors=True)
            cold.append(kgate(folder, cache, files))
        warm = min(kgate(folder, cache, files) for _ in range(3))
    by_hand, ours = min(hands), min(cold)
    print(f"{number} images, wall s: by hand {by_hand:.2f}, kgate {ours:.2f} ({ours / by_hand:.2f} times), from memory {warm:.3f}")


def written(folder: Path, number: int) -> dict[str, str]:
    """Image -> archive; every fifth one is Alpine. A Pod that runs them all."""
    files = {}
    for n in range(number):
        content = archives.debian("12", {"libquux1": ("quux", "1.2-1"), f"p{n}": ("corge", "8.0-1")})
        alpine = archives.alpine("3.18.4", {"grault": ("grault", "2.0.0-r0"), f"p{n}": ("plugh", "1.0-r0")})
        files[f"shop/a{n}:1"] = str(archives.docker_archive(folder / f"{n}.tar", content if n % 5 else alpine))
    containers = "".join(f"  - {{name: c{n}, image: '{image}'}}\n" for n, image in enumerate(files))
    (folder / "pod.yaml").write_text(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n  containers:\n{containers}")
    return files


def kgate(folder: Path, cache: Path, files: dict[str, str]) -> float:
    begin = time.perf_counter()
    settings = from_config({"cache_dir": str(cache), "archives": files, "trivy": TRIVY})
    judged = judge(load.manifests([str(folder / "pod.yaml")]).manifests, settings)
    assert all(image.scanned for image in judged.images), {image.reason for image in judged.images}
    return time.perf_counter() - begin


def served(folder: Path, cache: Path, files: list[str]) -> float:
    """The best that is known by hand: one server, four clients."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TRIVY_SKIP_VERSION_CHECK": "true", "TRIVY_DISABLE_TELEMETRY": "true"}
    server_argv = [TRIVY, "server", "--config", "/dev/null", "--cache-dir", str(cache), "--skip-db-update", "--listen", listen]
    begin = time.perf_counter()
    server = subprocess.Popen([*server_argv, "--cache-backend", "memory"], env=environment, stderr=subprocess.DEVNULL)
    try:
        while not listens(listen):
            time.sleep(0.01)

        def scan(file: str) -> None:
            argv = [TRIVY, "image", *OPTIONS, *REPORT, "--cache-dir", str(cache), "--server", f"http://{listen}", f"--input={file}"]
            subprocess.run([*argv, f"--output={file}.json"], env=environment, check=True, capture_output=True)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(scan, files))
        return time.perf_counter() - begin
    finally:
        server.kill()
        server.wait()


def listens(listen: str) -> bool:
    host, _, port = listen.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
