"""What `--resume` skips: submissions that SAVE_DIR already holds an equal, successful record of."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from eval.harness.plan import Plan
from eval.records import store
from eval.records.schema import Record
from eval.submissions.submission import Submission


def job_key(submission: Submission, plan: Plan) -> str:
    """A hash that is equal for two evaluations that must give the same numbers."""
    content = {
        "files": submission.fingerprint(),
        "source": submission.source.to_json(),
        "challenge": plan.challenge.model_dump(mode="json"),
        "data": plan.dataset.digest(),
        "metrics": plan.metric_names,
        "protocol": [plan.protocol, plan.repeats],
        "device": plan.setup.device,
        "sandbox": plan.setup.level.value,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def evaluated(save_dir: Path) -> dict[str, Record]:
    """The newest successful record of each job, by its key."""
    return {record.job_key: record for record in store.read_all(save_dir) if record.status == "ok"}


def finished_keys(save_dir: Path) -> set[str]:
    """Keys of the jobs whose newest record is `ok`."""
    newest = {record.job_key: record for record in store.read_all(save_dir) if record.job_key}
    return {key for key, record in newest.items() if record.status == "ok"}
