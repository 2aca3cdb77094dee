"""What the site shows beside docs/: pages that live next to the code they tell of. A hook of mkdocs (mkdocs.yml)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = {"engine.md": "kgate/engine/README.md", "bench.md": "bench/README.md"}
"""Pages of the site by where they are in the checkout. A link from docs/ to such a file leads to its page."""


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    for page, file in ELSEWHERE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / file)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    for target, file in ELSEWHERE.items():
        markdown = markdown.replace(f"](../{file}", f"]({target}")
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"\1", markdown)  # other files of the checkout are not part of the site
