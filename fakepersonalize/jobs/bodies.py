"""The table of jobs: what each kind gathers, does and records."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fakepersonalize.jobs import (
    batch_files,
    batch_inference,
    batch_segment,
    delete_data,
    export_dataset,
    import_dataset,
    train,
)
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.workshop import Body, Job


def bodies(services: Services) -> dict[str, Body]:
    """Return the bodies of all kinds of jobs, by the names that operations begin them with."""
    return {
        "import": Body(
            partial(import_dataset.gather, services),
            import_dataset.WORK,
            partial(import_dataset.record, services),
            deliver=partial(import_dataset.deliver, services),
        ),
        "train": Body(partial(train.gather, services), train.WORK, partial(train.record, services), heavy=True),
        "export": Body(
            partial(export_dataset.gather, services),
            export_dataset.WORK,
            partial(export_dataset.record, services),
            deliver=partial(export_dataset.deliver, services),
        ),
        "delete-data": Body(
            partial(delete_data.gather, services),
            delete_data.WORK,
            partial(delete_data.record, services),
            deliver=partial(delete_data.deliver, services),
        ),
        "batch-inference": _batch(services, batch_inference.gather, batch_inference.WORK),
        "batch-segment": _batch(services, batch_segment.gather, batch_segment.WORK),
    }


def _batch(services: Services, gather: Callable[[Services, Job], dict[str, Any]], work: str) -> Body:
    """Return the body of a job from files to files."""
    record, deliver = partial(batch_files.record, services), partial(batch_files.deliver, services)
    return Body(partial(gather, services), work, record, heavy=True, deliver=deliver)
