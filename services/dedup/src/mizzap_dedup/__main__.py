from mizzap_common.restoring import restored
from mizzap_common.service import main

from mizzap_dedup.app import build
from mizzap_dedup.settings import DedupSettings

main("dedup", DedupSettings, build, commands={"restored": restored})
