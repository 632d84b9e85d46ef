"""Entry point of the isolated side: holds one submission, sees low-resolution images only, answers requests.

The parent starts it inside a sandbox as `python -I -B eval/worker/__main__.py CONTROL REQUEST ANSWER GRAPH JOB`. The
arguments are inherited descriptors: the control socket, the two image slots, the slot for a traced network and the
job. Everything of the harness that is needed later is imported before the team's module. Then it is taken out of
`sys.modules`, so that a repository's scripts find their own `eval`, `data` or `models`.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eval.worker.worker import Worker


def _show_harness() -> None:
    """Load the finder of the harness's modules by its path: nothing else of the harness can be imported yet."""
    name = "eval.worker.module_finder"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("module_finder.py"))
    assert spec is not None and spec.loader is not None  # a .py file always has both
    finder = importlib.util.module_from_spec(spec)
    sys.modules[name] = finder
    spec.loader.exec_module(finder)
    finder.show_harness()


def main(descriptors: list[int]) -> None:
    """Serve requests until the parent closes its end or is gone."""
    _show_harness()
    from eval.protocol import channel
    from eval.worker.failure_reasons import reason

    control, request_slot, answer_slot, graph_slot, job = descriptors
    connection = socket.socket(fileno=control)
    worker: Worker | None = None
    failure = ""
    try:
        from eval.worker.worker import Worker

        worker = Worker(job, request_slot, answer_slot, graph_slot)
    except Exception as error:
        failure = reason(error)
    while frame := connection.recv(1024):
        request = channel.unpack_request(frame)
        reply = worker.handle(request) if worker else channel.Reply(channel.Status.FAILED, (), failure)
        connection.send(channel.pack_reply(request.nonce, reply))
    os._exit(0)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:6]])
