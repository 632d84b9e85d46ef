"""The conditions that a record was measured under: images, machine, protocol, source. Unequal ones share no column."""

from __future__ import annotations

from dataclasses import dataclass

from eval.records.public import public_label
from eval.records.rounds import RoundRecord
from eval.records.schema import Record


@dataclass(frozen=True)
class Conditions:
    """Records may stand in one column if images, machine, protocol and source are equal.

    machine: as `machine_of` names it. source: where imported figures were published, empty for measured ones.
    """

    dataset: str
    machine: str
    protocol: str
    source: str

    @property
    def label(self) -> str:
        """One line for people, such as `NVIDIA RTX A6000, ntire, DIV2K_LSDIR, published in results.json`."""
        parts = (self.machine, self.protocol, public_label(self.dataset), self.source)
        return ", ".join(filter(None, parts)) or "unknown"


def conditions_of(record: Record) -> Conditions:
    """The conditions a record was measured under. If it names no protocol, that of its timing counts."""
    protocol = record.protocol
    if not protocol:
        protocol = next((mode.runtime.protocol for mode in record.modes.values() if mode.runtime), "")
    return Conditions(record.dataset, machine_of(record), protocol, _source(record))


def machine_of(record: Record | RoundRecord) -> str:
    """The GPU's name, or the processor's with the number of usable cores; else what the record calls its device.

    `cuda:0` alone would be the same on two machines with different GPUs.
    """
    gpu, cpu = record.machine.get("gpu"), record.machine.get("cpu")
    if record.device.startswith("cuda") and isinstance(gpu, dict) and gpu.get("name"):
        return str(gpu["name"])
    if record.device == "cpu" and cpu:
        return f"{cpu} with {record.machine.get('usable_cores', 'unknown')} cores"
    return record.device


def _source(record: Record) -> str:
    """Imported files that name no machine are told apart by content: `results.json` is every year's name."""
    if not record.imported_from:
        return ""
    mark = "" if record.device else record.session.removeprefix("import ")[:8]
    return f"published in {record.imported_from}" + (f" ({mark})" if mark else "")
