"""The table of jobs: what each kind gathers, does and records."""

from __future__ import annotations

from functools import partial

from fakepersonalize.jobs import delete_data, export_dataset, import_dataset, not_built, train
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.workshop import Body


def bodies(services: Services) -> dict[str, Body]:
    """Return the bodies of all kinds of jobs, by the names that operations begin them with."""
    return {
        "import": Body(
            partial(import_dataset.gather, services), import_dataset.WORK, partial(import_dataset.record, services)
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
        **not_built.bodies(),
    }
