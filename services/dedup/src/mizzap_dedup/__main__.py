from mizzap_common.service import main

from mizzap_dedup.app import build
from mizzap_dedup.settings import DedupSettings

main("dedup", DedupSettings, build)
