"""Verdicts on the claims of the submissions that the options choose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from data.images import modcrop, read_rgb
from eval.claims.claims_file import ClaimTables, check_names, claiming, with_claims
from eval.claims.compare import Judgement, half_unit, judge
from eval.cli.verification.measured import Measured
from eval.explanations import quality
from eval.harness.plan import Plan
from eval.harness.scoring import saved_images

_SHOWN = 2  # protocols in a reason


def judgements_of(found: Measured, tables: ClaimTables, claims_file: Path | None) -> list[Judgement]:
    """Verdicts on the newest records of the chosen submissions, by the claims that their manifests make now.

    tables: claims that stand in a file instead. Raises InputError if it names a submission that is not there.
    """
    plan = found.plan
    records = [claiming(record, one.info.claims) for one, record in found.pairs]
    if claims_file is not None and found.options.all:
        check_names(tables, records, claims_file)
    return [
        _with_protocol(judgement, plan, found.options.save_dir)
        for record in records
        for judgement in judge(
            with_claims(record, tables),
            plan.challenge.claims,
            plan.dataset.own,
            plan.challenge.device,
        )
    ]


def _with_protocol(one: Judgement, plan: Plan, save_dir: Path) -> Judgement:
    """A contradicted PSNR or SSIM with the protocols that give it on the kept images."""
    kind, split, *_ = (*one.claim.split("_"), "")
    if one.verdict != "contradicted" or kind not in ("psnr", "ssim"):
        return one
    pairs = next((pairs for name, pairs in plan.dataset.modes.items() if name == split), [])
    kept = saved_images.sr_files(save_dir, one.model, split, [pair.name for pair in pairs])
    if not kept:
        cure = "evaluate it with --save_images to have other protocols tried"
        return replace(one, reason=f"{one.reason}; {cure}")
    images = [
        (read_rgb(sr), modcrop(read_rgb(pair.hr), plan.challenge.scale))
        for sr, pair in zip(kept, pairs, strict=True)
    ]
    digits = 2 if kind == "psnr" else 1  # TOML does not tell 26.90 from 26.9
    printed = (
        f"{one.claimed:.{digits}f}" if half_unit(one.claimed) > 0.5 * 10.0**-digits else repr(one.claimed)
    )
    found = quality.explained(images, kind, printed)[:_SHOWN]
    said = " or ".join(candidate.describe() for candidate in found) or "no known protocol gives it"
    return replace(one, reason=f"{one.reason}; on the kept images: {said}")
