"""The façade, before any call is made."""

from pathlib import Path

from region_files import SERVICE, TASKDEF, TEAL_YAML
from teal.app.facade import Options, open_app
from teal.host.clock import SystemClock


def test_an_app_opens_where_nobody_has_a_home(tmp_path: Path) -> None:
    """Without HOME and XDG_STATE_HOME there is no journal, and everything else: a rollback needs neither."""
    route = "  - {load_balancer: shop, listener: 80, priority: 20}"
    (tmp_path / "teal.yaml").write_text(TEAL_YAML % (route, "all_at_once", "10m"))
    (tmp_path / "taskdef.json").write_text(TASKDEF)
    (tmp_path / "service.json").write_text(SERVICE)
    app = open_app(Options(config=tmp_path / "teal.yaml"), {}, clock=SystemClock())
    assert (app.spec.app, app.history(3)) == ("shop", [])
