"""What the auth service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_auth.service import Accounts


def serve(bus: Bus, accounts: Accounts) -> None:
    bus.answer(requests.AUTH_REGISTER, accounts.register)
    bus.answer(requests.AUTH_LOGIN, accounts.login)
    bus.answer(requests.AUTH_REFRESH, accounts.refresh)
    bus.answer(requests.AUTH_ME, accounts.me)
    bus.answer(requests.AUTH_KEYS, accounts.keys)
