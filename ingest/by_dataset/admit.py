"""Which of the planned datasets and files may be published: those whose specimens keep the rules."""

from __future__ import annotations

from dataclasses import replace

from epntap.archive.memory import DatasetState
from epntap.catalog.model import Table
from epntap.connection import Connection
from ingest.by_dataset.build import GranuleBuilder, common_values
from ingest.by_dataset.planning.fingerprint import fingerprint_of
from ingest.by_dataset.planning.make import Plans
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.by_dataset.specimens import specimens
from ingest.definition.model import Definition
from ingest.facts import RefusedRows
from ingest.files.shelf import chosen
from ingest.validation.screen import Screening, screen_specimens

__all__ = ["admit_datasets"]


def admit_datasets(
    connection: Connection, definition: Definition, table: Table, plans: Plans, builder: GranuleBuilder, now: str
) -> tuple[Plans, Screening]:
    """The plans without what may not be published, and what was found; `now` is a DALI timestamp."""
    found = (one for plan in plans.accepted for one in specimens(plan, builder.kinds(plan), now, definition.schema))
    screening = screen_specimens(connection, table, found, definition.severities)
    if not (screening.refused or screening.quarantined):
        return plans, screening
    accepted: list[DatasetPlan] = []
    refused = list(plans.refused_rows)
    states: dict[str, DatasetState] = {}
    for plan in plans.accepted:
        name = plan.dataset.dataset_id
        reason = screening.reason(name)
        if reason is not None:
            refused.append(
                RefusedRows(plan.facts.origin, reason, builder.count(plan), quarantined=screening.is_quarantined(name))
            )
            continue
        admitted, left_out = _without_files(plan, screening)
        refused += left_out
        rows = builder.count(admitted)
        values = common_values(definition, plan.facts)
        states[name] = DatasetState(fingerprint_of(admitted, values, rows), rows) if left_out else plans.states[name]
        accepted.append(admitted)
    kept = replace(
        plans,
        accepted=tuple(accepted),
        refused_rows=tuple(refused),
        rows=sum(state.granules for state in states.values()),
        empty=sum(state.granules == 0 for state in states.values()),
        states=states,
    )
    return kept, screening


def _without_files(plan: DatasetPlan, screening: Screening) -> tuple[DatasetPlan, list[RefusedRows]]:
    reasons = {file.path: reason for file in plan.single if (reason := screening.reason(file.path)) is not None}
    if not reasons:
        return plan, []
    kept = replace(
        plan,
        single=chosen(plan.single, lambda file: file.path not in reasons),
        files=chosen(plan.files, lambda file: file.path not in reasons),
    )
    return kept, [
        RefusedRows(path, reason, 1, quarantined=screening.is_quarantined(path)) for path, reason in reasons.items()
    ]
