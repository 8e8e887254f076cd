from mizzap_common.service import main

from mizzap_auth import commands
from mizzap_auth.app import build
from mizzap_auth.settings import AuthSettings

main(
    "auth",
    AuthSettings,
    build,
    {
        "rotate-keys": commands.rotate_keys,
        "tier": commands.tier,
        "audit-verify": commands.audit_verify,
        "erasures": commands.erasures,
    },
)
