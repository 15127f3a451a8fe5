"""The other end of `pool`: what a worker process does all its life."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from lookalike.errors import UserError


def serve(prepare: Callable[[], Callable[[Any], dict[str, Any]]]) -> None:
    """The whole life of a worker: does the jobs with what `prepare` gives, as they come.

    A job is a JSON value on a line of stdin; its answer is a JSON object on a line of stdout, as
    {"ready": true} is before the first and {"error": text, "user": whether the user can mend it}
    after the last. It ends with stdin, and so outlives the process that started it by one job.
    """
    replies = os.dup(1)
    os.dup2(2, 1)  # libraries print as they please: nothing of it may look like an answer

    def reply(answer: dict[str, Any]) -> None:
        os.write(replies, (json.dumps(answer) + "\n").encode())

    try:
        do = prepare()
        reply({"ready": True})
        for line in sys.stdin:
            reply(do(json.loads(line)))
    except BrokenPipeError:  # nobody listens any more
        pass
    except UserError as error:
        reply({"error": str(error), "user": True})
    except OSError as error:  # the disk is full, or gone
        reply({"error": f"A worker process could not go on ({error}); what was finished is kept: "
               "the same again goes on from there.", "user": True})  # fmt: skip
    except Exception:
        reply({"error": traceback.format_exc(), "user": False})
