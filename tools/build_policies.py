#!/usr/bin/env python3
"""Build kgate/policy/data/policies.bin: the policies of policies/, read. Without it, or when it is of other texts, kgate reads the YAML.

python3 tools/run.py python tools/build_policies.py
"""

from __future__ import annotations

from kgate.policy import compiled
from kgate.policy.catalog import built_in_folder, parsed, texts


def main() -> None:
    found = texts(built_in_folder())
    compiled.DATA.parent.mkdir(exist_ok=True)
    compiled.DATA.write_bytes(compiled.written(parsed(found).policies, found))


if __name__ == "__main__":
    main()
