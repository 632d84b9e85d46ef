"""Measures one submission with workers: quality, runtime, memory, complexity.

Protocol `ntire` uses one worker and one cold pass. Protocol `robust` uses a second worker for the times, and a third
process, without team code, for the count.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace

from eval.failures import SubmissionFailed
from eval.harness import clean_recount, complexity_result
from eval.harness.findings import Findings, Shared
from eval.harness.passes import Passes
from eval.harness.worker_process import WorkerProcess
from eval.host import gpu_state, procfs
from eval.integrity import recount
from eval.protocol.complexity_report import CountedComplexity as Counted
from eval.protocol.replies import Inspected
from eval.records.flags import FlagName
from eval.records.schema import Complexity, Flag
from eval.submissions.repository import select_model
from eval.submissions.submission import Submission


class Measurement:
    """One submission that runs image by image, on the plan of its batch. Results go into `findings`."""

    def __init__(self, submission: Submission, shared: Shared, findings: Findings) -> None:
        self._submission, self._shared, self._findings = submission, shared, findings
        self._plan, self._gap = shared.plan, shared.gap
        self._setup = replace(shared.plan.setup, printed=findings.hear)

    def run(self) -> None:
        """Measure everything. Raises SubmissionFailed if the submission fails anywhere."""
        findings = self._findings
        with contextlib.ExitStack() as stack:
            scored = stack.enter_context(WorkerProcess(self._submission, self._setup))
            self._gap.prepare()  # both processes import torch at the same time
            inspection = self._inspect(scored)
            loaded = scored.load()
            findings.data_range = loaded.data_range
            self._name(loaded.name.strip())
            shared = self._shared
            passes = Passes(self._plan, shared.pool, shared.pictures, shared.reporter, findings.model)
            counted, contradicted = self._passes(scored, passes, stack)
        findings.modes, findings.flags = passes.results(), findings.flags + passes.flags
        findings.flags += passes.output_range.flags(findings.data_range)
        if loaded.notes:
            findings.flags.append(FlagName.CHECKPOINT_ADAPTED.because(loaded.notes))
        if counted is None:
            findings.complexity = Complexity(params_m=loaded.parameters / 1e6)
            return
        findings.complexity, flags = complexity_result.complexity_result(counted, contradicted, inspection)
        findings.flags += flags + complexity_result.parameter_flags(counted, inspection)
        findings.flags += complexity_result.speed_flags(
            counted, findings.modes, self._plan.dataset.modes, self._gpu()
        )

    def _inspect(self, worker: WorkerProcess) -> Inspected | None:
        """Tensors in the checkpoint; None, with a flag, if full unpickling was allowed and is needed."""
        try:
            return worker.inspect()
        except SubmissionFailed as failure:
            if not self._submission.source.allow_pickle:
                raise
            reason = f"full unpickling was allowed; {failure}"
            self._findings.flags.append(FlagName.UNPICKLED.because(reason))
            return None

    def _name(self, stated: str) -> None:
        """A repository states the results key, other code its architecture."""
        if not stated:
            return
        if self._submission.source.names_itself:
            model_id = int(self._submission.info.model_id)
            self._findings.model = select_model.results_key(stated, model_id)
        else:
            self._findings.architecture = stated

    def _passes(
        self, scored: WorkerProcess, passes: Passes, stack: contextlib.ExitStack
    ) -> tuple[Counted | None, list[Flag]]:
        if self._plan.protocol == "ntire":
            return self._one_pass(scored, passes), []
        return self._two_workers(scored, passes, stack)

    def _one_pass(self, worker: WorkerProcess, passes: Passes) -> Counted | None:
        """Protocol `ntire`: one cold pass of one worker gives images and times."""
        self._gap.settle()
        passes.score_and_time(worker)
        counted = self._count(worker, passes)
        passes.finish_scoring()
        worker.close()
        self._gap.measure(passes.sizes())
        passes.judge_times(self._gap)
        return counted

    def _two_workers(
        self, scored: WorkerProcess, passes: Passes, stack: contextlib.ExitStack
    ) -> tuple[Counted | None, list[Flag]]:
        """Protocol `robust`: the second, timed worker imports torch while the first one counts."""
        passes.score(scored)
        self._shared.reporter.stage(self._findings.model, "answering some changed images, for comparison")
        passes.answer_cross_checks(scored)
        timed = stack.enter_context(WorkerProcess(self._submission, self._setup))
        counted = self._count(scored, passes)
        passes.finish_scoring()
        again = self._recount(scored, passes, counted)
        scored.close()
        self._gap.measure(passes.sizes())
        timed.load()
        before = self._gpu()
        passes.time(timed, self._gap)
        own = frozenset(procfs.tree(os.getpid()))
        disturbed = gpu_state.timing_disturbances(before, self._gpu(), own)
        passes.flags += [FlagName.TIMING_DOUBTFUL.because(reason) for reason in disturbed]
        if counted is None or again is None:
            return counted, []
        answers = passes.graph_answers
        return counted, [*recount.compare(counted, again, answers.difference), *answers.flags()]

    def _count(self, worker: WorkerProcess, passes: Passes) -> Counted | None:
        """Complexity, unless the challenge does without: for large networks it takes longer than all images."""
        if not self._plan.challenge.complexity:
            return None
        self._shared.reporter.stage(self._findings.model, "counting operations")
        return worker.count(passes.crop())

    def _recount(
        self, scored: WorkerProcess, passes: Passes, counted: Counted | None
    ) -> recount.Recounted | Flag | None:
        """The count outside the process that counted; None if nothing was counted."""
        data_range = self._findings.data_range
        if counted is None or counted.noise is None or data_range is None:
            return None
        self._shared.reporter.stage(self._findings.model, "counting again, without its code")
        drawn = passes.draw_graph_inputs()
        return clean_recount.recounted(
            scored, self._plan.setup, data_range, drawn, passes.image, passes.graph_answers
        )

    def _gpu(self) -> gpu_state.GpuState | None:
        gpu = self._plan.setup.gpu
        return None if gpu is None else gpu_state.read_gpu(gpu)
