"""What the auth service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_auth.erasures import Erasures
from mizzap_auth.export import AccountExport
from mizzap_auth.exports import Exports
from mizzap_auth.service import Accounts


def serve(bus: Bus, accounts: Accounts) -> None:
    bus.answer(requests.AUTH_REGISTER, accounts.register)
    bus.answer(requests.AUTH_LOGIN, accounts.login)
    bus.answer(requests.AUTH_REFRESH, accounts.refresh)
    bus.answer(requests.AUTH_ME, accounts.me)
    bus.answer(requests.AUTH_KEYS, accounts.keys)


def serve_leaving(bus: Bus, erasures: Erasures, exports: Exports, export: AccountExport) -> None:
    bus.answer(requests.AUTH_CLOSE_ACCOUNT, erasures.close_account)
    bus.answer(requests.AUTH_EXPORT_BEGIN, exports.begin)
    bus.answer(requests.AUTH_EXPORTS, exports.list)
    bus.answer(requests.AUTH_EXPORT_GET, exports.get)
    bus.answer(requests.AUTH_EXPORT_DELETE, exports.delete)
    bus.answer(requests.AUTH_EXPORT_OPEN, exports.open)
    bus.answer(requests.AUTH_EXPORT, export.page)
