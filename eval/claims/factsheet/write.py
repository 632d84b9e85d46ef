"""The parts of a factsheet that a record can fill: the table of complexity and quality in TeX, and readme.txt."""

from __future__ import annotations

from eval.records.schema import ModeResult, Record

# Title, unit and decimals of each row, in the order of the factsheet's template
ROWS = (
    ("Parameters", "M", 4, lambda record: _static(record, "params_m")),
    ("FLOPs (256x256)", "G", 3, lambda record: _static(record, "flops_g")),
    ("GPU memory", "M", 2, lambda record: _memory(record)),
    ("Activations", "M", 3, lambda record: _static(record, "activations_m")),
    ("Convolutions", "", 0, lambda record: _static(record, "num_conv")),
    ("Runtime", "ms", 2, Record.mean_runtime_ms),
    ("PSNR (validation)", "dB", 3, lambda record: _mean(record, "valid", "psnr")),
    ("PSNR (test)", "dB", 3, lambda record: _mean(record, "test", "psnr")),
    ("SSIM (validation)", "", 4, lambda record: _mean(record, "valid", "ssim")),
    ("SSIM (test)", "", 4, lambda record: _mean(record, "test", "ssim")),
)


def tex_table(record: Record) -> str:
    """A booktabs table of all figures that the record holds. Measured where is in the caption."""
    rows = []
    for title, unit, decimals, figure in ROWS:
        value = figure(record)
        if value is not None:
            rows.append(rf"{title} & {value:.{decimals}f}{f' {unit}' if unit else ''} \\")
    device = _escaped(record.device_name)
    images = _escaped(", ".join(f"{len(result.images)} {name}" for name, result in record.modes.items()))
    caption = (
        rf"{_escaped(record.model)}, measured on {device} ({images} images, protocol {record.protocol})."
    )
    return "\n".join(
        [
            r"\begin{table}[t]",
            r"\centering",
            r"\begin{tabular}{lr}",
            r"\toprule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            rf"\caption{{{caption}}}",
            r"\end{table}",
            "",
        ]
    )


def readme(record: Record, extra_data: bool | None, description: str) -> str:
    """The four lines that come with the images: runtime in seconds, processor, extra data, description."""
    runtime_ms = record.mean_runtime_ms()
    return "\n".join(
        [
            f"runtime per image [s] : {'' if runtime_ms is None else f'{runtime_ms / 1e3:.6f}'}",
            f"CPU[1] / GPU[0] : {0 if record.machine.get('gpu') else 1}",
            f"Extra Data [1] / No Extra Data [0] : {'' if extra_data is None else int(extra_data)}",
            f"Other description : {' '.join(description.split())}",
            "",
        ]
    )


def _static(record: Record, name: str) -> float | None:
    value = getattr(record.complexity, name) if record.complexity else None
    return None if value is None else float(value)


def _memory(record: Record) -> float | None:
    """The largest peak over the splits; only of a GPU, since a CPU's is the whole process."""
    peaks = [result.memory_mib for result in record.modes.values() if result.memory_mib is not None]
    return max(peaks, default=None) if record.machine.get("gpu") else None


def _mean(record: Record, split: str, metric: str) -> float | None:
    return record.modes.get(split, ModeResult(images=[])).mean(metric)


def _escaped(text: str) -> str:
    return "".join(
        f"\\{letter}" if letter in "&%$#_{}" else letter for letter in text if letter.isprintable()
    )
