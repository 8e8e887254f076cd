import sys

from mizzap_common.service import main

from mizzap_auth.app import build
from mizzap_auth.settings import AuthSettings

if sys.argv[1:2] == ["erasures"]:
    from mizzap_auth.admin import erasures

    erasures(sys.argv[2:])
else:
    main("auth", AuthSettings, build)
