from mizzap_common.service import main

from mizzap_auth.admin import audit_verify
from mizzap_auth.app import build
from mizzap_auth.settings import AuthSettings

main("auth", AuthSettings, build, {"audit-verify": audit_verify})
