"""How well claims are found in factsheets: precision and recall by field, on texts with known claims.

    python -m bench.factsheets

`texts.toml` shaped the rules; `unseen.toml` was written afterwards and shaped nothing.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from eval.claims.factsheet.parse import parse_factsheet
from eval.tomlfile import read_toml

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "eval" / "claims" / "factsheet"


def found(one: dict[str, Any]) -> dict[str, Any]:
    """Values by field that the parser proposes for a text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"factsheet{one['suffix']}"
        path.write_text(one["content"], encoding="utf-8")
        claims = parse_factsheet(path).claims
    return {name: list(c.value) if isinstance(c.value, tuple) else c.value for name, c in claims.items()}


def measure(file: str) -> None:
    """Print precision and recall of one file of texts."""
    texts = read_toml(FOLDER / file)["text"]
    right: Counter[str] = Counter()
    proposed: Counter[str] = Counter()
    true: Counter[str] = Counter()
    for one in texts:
        values = found(one)
        proposed.update(list(values))
        true.update(list(one["claims"]))
        right.update(name for name, value in values.items() if one["claims"].get(name) == value)
        for name in sorted(values.keys() | one["claims"].keys()):
            if values.get(name) != one["claims"].get(name):
                print(f"  {one['name']}: {name} is {one['claims'].get(name)}, found {values.get(name)}")
    print(f"{file}: {len(texts)} texts")
    print(f"{'field':<16}{'claims':>8}{'precision':>11}{'recall':>8}")
    for name in [*sorted(true.keys() | proposed.keys()), "all"]:
        counts = [sum(one.values()) if name == "all" else one[name] for one in (right, proposed, true)]
        precision = f"{counts[0] / counts[1]:.3f}" if counts[1] else "-"
        recall = f"{counts[0] / counts[2]:.3f}" if counts[2] else "-"
        print(f"{name:<16}{counts[2]:>8}{precision:>11}{recall:>8}")


if __name__ == "__main__":
    for name in ("texts.toml", "unseen.toml"):
        measure(name)
