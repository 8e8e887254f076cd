from mizzap_common.migrations import run
from mizzap_photos.models import metadata

run(metadata)
