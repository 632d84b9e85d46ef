"""Verdicts on the claims of the submissions that the options choose."""

from __future__ import annotations

import argparse
from pathlib import Path

from eval.claims.claims_file import ClaimTables, check_names, claiming, with_claims
from eval.claims.compare import Judgement, judge
from eval.cli.chosen import chosen_submissions
from eval.cli.planning import build_plan
from eval.harness import resume
from eval.records import store


def judgements_of(
    options: argparse.Namespace, tables: ClaimTables, claims_file: Path | None
) -> list[Judgement]:
    """Verdicts on the newest records of the chosen submissions, by the claims that their manifests make now.

    tables: claims that stand in a file instead. Raises InputError if it names a submission that is not there.
    """
    plan = build_plan(options)
    newest = {record.job_key: record for record in store.read_all(options.save_dir)}
    found = [(newest.get(resume.job_key(one, plan)), one.info.claims) for one in chosen_submissions(options)]
    records = [claiming(record, claims) for record, claims in found if record is not None]
    if claims_file is not None and options.all:
        check_names(tables, records, claims_file)
    return [
        judgement
        for record in records
        for judgement in judge(
            with_claims(record, tables),
            plan.challenge.claims,
            plan.dataset.own,
            plan.challenge.device,
        )
    ]
