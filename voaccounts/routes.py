"""The routes of this room."""

from __future__ import annotations

from epntap.http.browsers.faultpage import FaultPages
from epntap.http.callers.forms import Forms
from epntap.http.faults import answer_faults, as_text
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from voaccounts.accounts import Accounts
from voaccounts.desk import Desk
from voaccounts.mine.desk import Desk as Mine
from voaccounts.mine.views import mine_blueprint
from voaccounts.own.views import own_blueprint
from voaccounts.signing.views import signing_blueprint

__all__ = ["routes"]


def routes(accounts: Accounts, mine: Mine, settings: Settings, pages: Pages) -> Wing:
    """Signing in, and pages of one's own account."""
    desk, forms = Desk(accounts), Forms(lambda: accounts.key_for("forms"), settings.addresses)
    blueprints = (
        signing_blueprint(desk, forms, settings, pages),
        own_blueprint(desk, forms, settings, pages),
        mine_blueprint(mine, forms, pages, settings.addresses),
    )
    for blueprint in blueprints:
        answer_faults(blueprint, lambda _error: as_text, FaultPages(pages))
    return Wing(name="accounts", blueprints=blueprints)
