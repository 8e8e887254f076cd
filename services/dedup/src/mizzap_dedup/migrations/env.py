from mizzap_common.migrations import run
from mizzap_dedup.models import metadata

run(metadata)
