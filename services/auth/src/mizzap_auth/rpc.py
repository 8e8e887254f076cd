"""What the auth service answers."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import requests

from mizzap_auth.audit import AuditLog
from mizzap_auth.consents import Consents
from mizzap_auth.erasures import Erasures
from mizzap_auth.export import AccountExport
from mizzap_auth.exports import Exports
from mizzap_auth.families import Families
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


def serve_people(bus: Bus, consents: Consents, families: Families, audit: AuditLog) -> None:
    bus.answer(requests.AUTH_CONSENTS, consents.list)
    bus.answer(requests.AUTH_CHANGE_CONSENT, consents.change)
    bus.answer(requests.AUTH_AUDIT, audit.page)
    _serve_families(bus, families)


def _serve_families(bus: Bus, families: Families) -> None:
    bus.answer(requests.AUTH_CREATE_FAMILY, families.create)
    bus.answer(requests.AUTH_FAMILIES, families.list)
    bus.answer(requests.AUTH_FAMILY, families.get)
    bus.answer(requests.AUTH_RENAME_FAMILY, families.rename)
    bus.answer(requests.AUTH_DELETE_FAMILY, families.delete)
    bus.answer(requests.AUTH_INVITE, families.invite)
    bus.answer(requests.AUTH_INVITATIONS, families.invitations)
    bus.answer(requests.AUTH_WITHDRAW_INVITATION, families.withdraw_invitation)
    bus.answer(requests.AUTH_ACCEPT, families.accept)
    bus.answer(requests.AUTH_CHANGE_ROLE, families.change_role)
    bus.answer(requests.AUTH_REMOVE_MEMBER, families.remove_member)


def serve_leaving(bus: Bus, erasures: Erasures, exports: Exports, export: AccountExport) -> None:
    bus.answer(requests.AUTH_CLOSE_ACCOUNT, erasures.close_account)
    bus.answer(requests.AUTH_EXPORT_BEGIN, exports.begin)
    bus.answer(requests.AUTH_EXPORTS, exports.list)
    bus.answer(requests.AUTH_EXPORT_GET, exports.get)
    bus.answer(requests.AUTH_EXPORT_DELETE, exports.delete)
    bus.answer(requests.AUTH_EXPORT_OPEN, exports.open)
    bus.answer(requests.AUTH_EXPORT, export.page)
