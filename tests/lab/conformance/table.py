"""The whole table of refusals, in the order of the page."""

from lab.conformance import rows_actions, rows_balancers, rows_definitions, rows_groups, rows_rules, rows_services
from lab.conformance.row import Row

TABLE: dict[str, tuple[Row, ...]] = {
    "Load balancers and listeners": rows_balancers.ROWS,
    "Rules": rows_rules.ROWS,
    "Actions": rows_actions.ROWS,
    "Target groups and targets": rows_groups.ROWS,
    "Services and tasks": rows_services.ROWS,
    "Task definitions and clusters": rows_definitions.ROWS,
}
ROWS: tuple[Row, ...] = tuple(row for rows in TABLE.values() for row in rows)
