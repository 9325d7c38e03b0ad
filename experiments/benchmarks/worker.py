"""A measured process, which reads requests of one JSON line and answers with another.

`workers.Worker` starts it with a specification as its only argument.
"""

import json
import os
import resource
import sys
import time
from typing import Any


def main() -> int:
    spec = json.loads(sys.argv[1])
    # The output of libraries must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if spec["threads"]:  # before a library counts the cores
        cores = sorted(os.sched_getaffinity(0))[: spec["threads"]]
        os.sched_setaffinity(0, cores)
    os.environ.setdefault("JAX_PLATFORMS", "cuda" if spec["device"] == "gpu" else "cpu")
    begin = time.perf_counter()
    participant = _make(spec)
    _answer(answers, time.perf_counter() - begin)
    for line in sys.stdin:
        request = json.loads(line)
        name = request.pop("do")
        _answer(answers, getattr(participant, name)(**request))
    return 0


def _make(spec: dict[str, Any]) -> Any:
    if spec["kind"] == "ours":
        from experiments.benchmarks import ours

        return ours.OurParticipant(spec)
    if spec["kind"] == "point":
        from experiments.benchmarks import point

        return point.PointParticipant(spec)
    from experiments.benchmarks import theirs

    return theirs.TorchParticipant(spec)


def _answer(stream: Any, value: Any) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    stream.write(json.dumps({"value": value, "peak_mb": peak}) + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
