"""What the auth service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_auth.service import Accounts
from mizzap_auth.sessions import Sessions
from mizzap_auth.tokens import PublishedKeys


def serve(bus: Bus, accounts: Accounts, sessions: Sessions, keys: PublishedKeys) -> None:
    bus.answer(requests.AUTH_REGISTER, accounts.register)
    bus.answer(requests.AUTH_LOGIN, accounts.login)
    bus.answer(requests.AUTH_ME, accounts.me)
    bus.answer(requests.AUTH_UPDATE_PROFILE, accounts.update_profile)
    bus.answer(requests.AUTH_CHANGE_PASSWORD, accounts.change_password)
    bus.answer(requests.AUTH_REFRESH, sessions.refresh)
    bus.answer(requests.AUTH_SESSION, sessions.state)
    bus.answer(requests.AUTH_SESSIONS, sessions.page)
    bus.answer(requests.AUTH_END_SESSION, sessions.end)
    bus.answer(requests.AUTH_END_OTHERS, sessions.end_others)
    bus.answer(requests.AUTH_KEYS, keys.answer)
