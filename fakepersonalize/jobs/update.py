"""trainingMode UPDATE: the newest fully trained model as it is, and behind its items those that came since.

New items can be recommended and explored, histories and counts are those of now; what is known of the other items, and
the metrics, stay. Source: https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-new-item-USER_PERSONALIZATION.html
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize import errors
from fakepersonalize.datasets import schema
from fakepersonalize.errors import JobFailed
from fakepersonalize.jobs import side_rows
from fakepersonalize.jobs.services import Services
from fakepersonalize.jobs.training_rows import Encoded
from fakepersonalize.jobs.training_spec import TrainingSpec
from fakepersonalize.lifecycle.workshop import Job
from fakepersonalize.resources.kinds import SOLUTION_VERSION
from fakepersonalize.resources.processes import ACTIVE
from fakepersonalize.resources.shelf import Resource
from fakepersonalize.storage import artifacts

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_matrix

    from fakepersonalize.recipes.training import Model

BASE = "base"


def pin(services: Services, job: Job, version: Resource) -> dict[str, Any]:
    """Put the model that is updated into the job's folder; return what stays as it is."""
    versions = reversed(services.shelf.below(version["solutionArn"], SOLUTION_VERSION))
    base = next((each for each in versions if each.status == ACTIVE and each["trainingMode"] == "FULL"), None)
    if base is None:
        raise JobFailed(errors.UPDATE_BEFORE_FULL)
    services.models.copy(base.number, job.folder / BASE)
    tuned = base.document.get("tunedHPOParams") or {}
    return {"metrics": base["metrics"], "tuned": tuned.get("algorithmHyperParameters")}


def grown(spec: TrainingSpec, base: Path, encoded: Encoded) -> tuple[dict[str, Any], Model, Encoded]:
    """Return what is recorded of the model in `base`, that model with the new items, and the data in its codes."""
    from fakepersonalize.recipes.models import model_class

    manifest, arrays = artifacts.read(base)
    known = artifacts.unpack(arrays["item_ids"], arrays["item_ids.offsets"])
    there = {*known}
    new = [id_ for id_ in encoded.items if id_ not in there]
    own = {name.removeprefix("model."): array for name, array in arrays.items() if name.startswith("model.")}
    model = model_class(manifest["model"]).from_arrays(own, manifest)
    data = replace(encoded.data, user_features=_features(spec, manifest, "users", encoded.users))
    encoded = _recoded(replace(encoded, data=data), [*known, *new])
    return manifest, model.grown(_features(spec, manifest, "items", new), len(new)), encoded


def _features(spec: TrainingSpec, manifest: dict[str, Any], of: str, ids: list[str]) -> csr_matrix | None:
    """Return the features of users or items as the model was taught to see them, float32 [ids, features]."""
    from fakepersonalize.recipes.features import Encoding

    side = side_rows.read(spec.sides.get({"users": schema.USERS, "items": schema.ITEMS}[of]))
    if side is None or of not in manifest["encodings"]:
        return None
    encoding = Encoding.from_description(manifest["encodings"][of])
    present = [column.name for column in encoding.columns if side.schema.column(column.name)]
    return encoding.rows({name: side.cells(name, ids) for name in present}, len(ids))


def _recoded(encoded: Encoded, items: list[str]) -> Encoded:
    """Return the data with the codes that items have in `items`."""
    import numpy as np

    places = {id_: code for code, id_ in enumerate(items)}
    codes = np.array([places[id_] for id_ in encoded.items], np.int32)
    data = encoded.data

    def moved(column: np.ndarray | None) -> np.ndarray | None:
        if column is None:
            return None
        found = np.zeros(len(items), column.dtype)
        found[codes] = column
        return found

    data = replace(
        data,
        n_items=len(items),
        items=codes[data.items],
        item_times=moved(data.item_times),
        passed_over=moved(data.passed_over),
        item_features=None,
        rewards=None,
    )
    return replace(encoded, data=data, items=items)
